// SPDX-License-Identifier: Apache-2.0
#include "net/diagnosis/similar.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <tuple>
#include <utility>

#include <hallway/bytes.hpp>

#include "core/ascii.hpp"

namespace hallway::net {

namespace {

using Why = SimilarName::Why;

// The longest path that fits into sockaddr_un, without the NUL and with it given up.
constexpr std::size_t path_max = 107;

constexpr std::string_view ascii_blanks = " \t\r\n\v\f";

std::string_view trimmed(std::string_view text) {
  text.remove_prefix(std::min(text.find_first_not_of(ascii_blanks), text.size()));
  return text.substr(0, text.find_last_not_of(ascii_blanks) + 1);
}

constexpr char32_t no_character = 0xFFFFFFFF;

/// Takes one character of UTF-8, or one byte that belongs to none.
char32_t take_character(std::string_view& text) {
  const auto first = static_cast<unsigned char>(text.front());
  std::size_t size = 1;
  for (const unsigned longer : {0xC2U, 0xE0U, 0xF0U}) size += first >= longer ? 1 : 0;
  const std::string_view bytes = text.substr(0, size);
  if (!is_utf8(bytes)) {
    text.remove_prefix(1);
    return no_character;
  }
  text.remove_prefix(size);
  if (size == 1) return first;
  char32_t character = first & (0x7FU >> size);
  for (const char byte : bytes.substr(1)) {
    character = (character << 6U) | (static_cast<unsigned char>(byte) & 0x3FU);
  }
  return character;
}

/// Characters that show nothing: soft hyphen, joiners and direction marks, byte order mark,
/// variation selectors, combining accents.
bool is_invisible(char32_t character) {
  constexpr std::array<std::pair<char32_t, char32_t>, 7> ranges{{{0x00AD, 0x00AD},
                                                                 {0x0300, 0x036F},
                                                                 {0x200B, 0x200F},
                                                                 {0x202A, 0x202E},
                                                                 {0x2060, 0x2069},
                                                                 {0xFE00, 0xFE0F},
                                                                 {0xFEFF, 0xFEFF}}};
  return std::ranges::any_of(ranges, [character](const auto& range) {
    return character >= range.first && character <= range.second;
  });
}

// Letters of Latin-1 from U+00C0 without their accents; '*' is none of those.
constexpr std::string_view latin1_letters =
    "AAAAAA*CEEEEIIII*NOOOOO*OUUUUY**aaaaaa*ceeeeiiii*nooooo*ouuuuy*y";

/// Letters of Cyrillic and Greek that are drawn as Latin ones, dashes, blanks and slashes.
char look_of(char32_t character) {
  constexpr std::array<std::pair<char32_t, char>, 56> table{
      {{0x0391, 'A'}, {0x0392, 'B'}, {0x0395, 'E'}, {0x0396, 'Z'}, {0x0397, 'H'}, {0x0399, 'I'},
       {0x039A, 'K'}, {0x039C, 'M'}, {0x039D, 'N'}, {0x039F, 'O'}, {0x03A1, 'P'}, {0x03A4, 'T'},
       {0x03A5, 'Y'}, {0x03A7, 'X'}, {0x03BD, 'v'}, {0x03BF, 'o'}, {0x0405, 'S'}, {0x0406, 'I'},
       {0x0408, 'J'}, {0x0410, 'A'}, {0x0412, 'B'}, {0x0415, 'E'}, {0x041A, 'K'}, {0x041C, 'M'},
       {0x041D, 'H'}, {0x041E, 'O'}, {0x0420, 'P'}, {0x0421, 'C'}, {0x0422, 'T'}, {0x0425, 'X'},
       {0x0430, 'a'}, {0x0435, 'e'}, {0x043E, 'o'}, {0x0440, 'p'}, {0x0441, 'c'}, {0x0443, 'y'},
       {0x0445, 'x'}, {0x0455, 's'}, {0x0456, 'i'}, {0x0458, 'j'}, {0x00A0, ' '}, {0x2010, '-'},
       {0x2011, '-'}, {0x2012, '-'}, {0x2013, '-'}, {0x2014, '-'}, {0x2015, '-'}, {0x2212, '-'},
       {0x2024, '.'}, {0x2044, '/'}, {0x2215, '/'}, {0x2007, ' '}, {0x202F, ' '}, {0x3000, ' '},
       {0x0131, 'i'}, {0x2018, '\''}}};
  const auto* const found = std::ranges::find(table, character, &std::pair<char32_t, char>::first);
  if (found != table.end()) return found->second;
  constexpr char32_t first_letter = 0x00C0;
  if (character < first_letter || character - first_letter >= latin1_letters.size()) return '\0';
  const char letter = latin1_letters[character - first_letter];
  return letter == '*' ? '\0' : letter;
}

/// In most typefaces these are drawn alike.
char drawn_alike(char byte) {
  if (byte == '0') return 'O';
  return byte == '1' || byte == 'I' ? 'l' : byte;
}

std::string_view last_name(std::string_view path) { return path.substr(path.rfind('/') + 1); }

std::string_view directory_of(std::string_view path) {
  const std::size_t slash = path.rfind('/');
  return slash == std::string_view::npos ? std::string_view() : path.substr(0, slash + 1);
}

/// How many characters of a name of this length may be wrong.
std::size_t errors_allowed(std::size_t length) {
  constexpr std::size_t shortest = 3;
  constexpr std::size_t long_name = 7;
  if (length < shortest) return 0;
  return length < long_name ? 1 : 2;
}

bool is_padded(std::string_view wanted, std::string_view candidate) {
  return candidate.size() > wanted.size() && candidate.starts_with(wanted) &&
         candidate.find_first_not_of('@', wanted.size()) == std::string_view::npos;
}

bool is_cut_off(std::string_view wanted, std::string_view candidate) {
  return wanted.size() > path_max && wanted.starts_with(candidate) &&
         (candidate.size() == path_max || candidate.size() == path_max + 1);
}

/// Compares with the path as it was written and as it is reached: either may be what was bound.
std::optional<Why> likeness_of_path(std::string_view written, std::string_view path,
                                    const Candidate& candidate) {
  if (candidate.abstract) {
    const std::string_view name = std::string_view(candidate.name).substr(1);
    const bool same = name == written || name == path || candidate.name == last_name(written) ||
                      name == last_name(written);
    return same ? std::optional(Why::other_form) : std::nullopt;
  }
  if (candidate.name == written || candidate.name == path) return std::nullopt;
  if (is_cut_off(written, candidate.name) || is_cut_off(path, candidate.name)) return Why::cut_off;
  const bool beside = directory_of(candidate.name) == directory_of(path);
  const auto alike = beside ? likeness(last_name(path), last_name(candidate.name))
                            : likeness(path, candidate.name);
  if (alike) return alike;
  return beside ? std::optional(Why::nearby) : std::nullopt;
}

std::optional<Why> likeness_of_abstract(std::string_view name, const Candidate& candidate) {
  if (!candidate.abstract) {
    const bool same = candidate.name == name || last_name(candidate.name) == name ||
                      last_name(candidate.name) == "@" + std::string(name);
    return same ? std::optional(Why::other_form) : std::nullopt;
  }
  const std::string_view other = std::string_view(candidate.name).substr(1);
  if (other == name) return std::nullopt;
  std::string look(other);
  std::ranges::replace(look, '\0', '@');
  if (look == name) return Why::lookalike;
  if (is_padded(name, other) || is_padded(other, name)) return Why::padded;
  return likeness(name, other);
}

}  // namespace

bool has_invisible(std::string_view name) {
  while (!name.empty()) {
    const char32_t character = take_character(name);
    // An accent or a variation selector changes how the character before it looks.
    const bool is_mark = (character >= 0x0300 && character <= 0x036F) ||
                         (character >= 0xFE00 && character <= 0xFE0F);
    if (is_invisible(character) && !is_mark) return true;
  }
  return false;
}

std::string as_it_looks(std::string_view name) {
  std::string look;
  for (std::string_view rest = name; !rest.empty();) {
    const std::string_view before = rest;
    const char32_t character = take_character(rest);
    if (is_invisible(character)) continue;
    const char alike = look_of(character);
    if (alike != '\0') {
      look += drawn_alike(alike);
    } else if (character < 0x80) {
      look += drawn_alike(static_cast<char>(character));
    } else {
      look += before.substr(0, before.size() - rest.size());
    }
  }
  return look;
}

std::size_t edit_distance(std::string_view one, std::string_view other, std::size_t limit) {
  const std::size_t longer = std::max(one.size(), other.size());
  if (longer - std::min(one.size(), other.size()) >= limit) return limit;
  // Three rows of the table: two are needed for a swap of neighbours.
  std::vector<std::size_t> before_last(other.size() + 1);
  std::vector<std::size_t> last(other.size() + 1);
  std::vector<std::size_t> row(other.size() + 1);
  for (std::size_t j = 0; j < last.size(); ++j) last[j] = j;
  for (std::size_t i = 1; i <= one.size(); ++i) {
    row[0] = i;
    for (std::size_t j = 1; j <= other.size(); ++j) {
      const std::size_t replaced = last[j - 1] + (one[i - 1] == other[j - 1] ? 0 : 1);
      row[j] = std::min({last[j] + 1, row[j - 1] + 1, replaced});
      const bool swapped =
          i > 1 && j > 1 && one[i - 1] == other[j - 2] && one[i - 2] == other[j - 1];
      if (swapped) row[j] = std::min(row[j], before_last[j - 2] + 1);
    }
    if (*std::ranges::min_element(row) >= limit) return limit;  // it never gets smaller
    std::swap(before_last, last);
    std::swap(last, row);
  }
  return std::min(last.back(), limit);
}

std::optional<Why> likeness(std::string_view wanted, std::string_view candidate) {
  if (wanted == candidate || wanted.empty() || candidate.empty()) return std::nullopt;
  if (trimmed(wanted) == trimmed(candidate)) return Why::blank;
  if (core::equal_ignoring_case(wanted, candidate)) return Why::letter_case;
  const std::string wanted_look = as_it_looks(wanted);
  const std::string candidate_look = as_it_looks(candidate);
  if (trimmed(wanted_look) == trimmed(candidate_look)) return Why::lookalike;
  const std::size_t allowed = errors_allowed(std::min(wanted.size(), candidate.size()));
  const bool close = edit_distance(wanted, candidate, allowed + 1) <= allowed;
  return close ? std::optional(Why::typing_error) : std::nullopt;
}

std::vector<SimilarName> similar_names(const Address& wanted, std::string_view path,
                                       const std::vector<Candidate>& candidates, std::size_t most) {
  std::vector<SimilarName> names;
  // As the kernel shows an abstract name.
  std::string shown = wanted.name();
  const bool abstract = wanted.kind() == Address::Kind::abstract;
  if (abstract) std::ranges::replace(shown, '\0', '@');
  for (const Candidate& candidate : candidates) {
    const auto why = abstract ? likeness_of_abstract(shown, candidate)
                              : likeness_of_path(wanted.name(), path, candidate);
    if (!why) continue;
    const auto known = std::ranges::find(names, candidate.name, &SimilarName::name);
    if (known == names.end()) {
      names.push_back({.name = candidate.name, .why = *why, .alive = candidate.alive});
    } else {
      known->alive = known->alive || candidate.alive;
    }
  }
  // Of two that are equally close, the one that lives may be the one that is meant.
  std::ranges::sort(names, {}, [](const SimilarName& one) {
    return std::tuple(one.why, !one.alive, std::string_view(one.name));
  });
  if (names.size() > most) names.resize(most);
  return names;
}

}  // namespace hallway::net
