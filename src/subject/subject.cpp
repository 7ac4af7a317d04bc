// SPDX-License-Identifier: Apache-2.0
#include "subject/subject.hpp"

#include <algorithm>

#include <hallway/subject.hpp>

namespace hallway::hub {

namespace {

constexpr std::string_view any_one = "*";
constexpr std::string_view any_more = ">";

constexpr bool is_white_space(unsigned char byte) noexcept {
  return byte == 0 || (byte >= '\t' && byte <= '\r') || (byte >= 0x1c && byte <= ' ');
}

/// Whether the text starts with a white space character above ASCII.
bool starts_with_wide_white_space(std::string_view text) noexcept {
  for (const std::string_view one :
       {"\xC2\x85", "\xC2\xA0", "\xE1\x9A\x80", "\xE2\x80\xA8", "\xE2\x80\xA9", "\xE2\x80\xAF",
        "\xE2\x81\x9F", "\xE3\x80\x80", "\xEF\xBB\xBF"}) {
    if (text.starts_with(one)) return true;
  }
  // U+2000 to U+200A
  return text.size() >= 3 && text.starts_with("\xE2\x80") &&
         static_cast<unsigned char>(text[2]) <= 0x8A;
}

}  // namespace

std::size_t count_tokens(std::string_view subject) noexcept {
  return 1 + static_cast<std::size_t>(std::ranges::count(subject, '.'));
}

bool has_white_space(std::string_view text) noexcept {
  bool suspicious = false;  // usually stays false, and this loop has no branch
  for (const char byte : text) {
    const auto value = static_cast<unsigned char>(byte);
    suspicious |= value <= ' ' || value >= 0x80;
  }
  if (!suspicious) return false;
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (is_white_space(static_cast<unsigned char>(text[at]))) return true;
    if (starts_with_wide_white_space(text.substr(at))) return true;
  }
  return false;
}

bool is_valid_subject(std::string_view subject) noexcept {
  if (has_white_space(subject)) return false;
  for (Tokens tokens(subject); !tokens.done();) {
    const std::string_view token = tokens.next();
    if (token.empty() || (token == any_more && !tokens.done())) return false;
  }
  return true;
}

bool is_literal(std::string_view subject) noexcept {
  for (Tokens tokens(subject); !tokens.done();) {
    const std::string_view token = tokens.next();
    if (token == any_one || token == any_more) return false;
  }
  return true;
}

bool is_valid_literal(std::string_view subject) noexcept {
  return is_valid_subject(subject) && is_literal(subject);
}

bool matches(std::string_view pattern, std::string_view subject) noexcept {
  Tokens wanted(pattern);
  Tokens tokens(subject);
  bool open = false;  // `>` was reached: the remaining tokens only have to be non-empty
  while (!tokens.done()) {
    const std::string_view token = tokens.next();
    if (token.empty()) return false;
    if (open) continue;
    if (wanted.done()) return false;
    const std::string_view want = wanted.next();
    open = want == any_more;
    if (!open && want != any_one && want != token) return false;
  }
  return wanted.done();
}

bool is_subset(std::string_view narrower, std::string_view pattern) noexcept {
  Tokens inner(narrower);
  Tokens outer(pattern);
  while (!inner.done() && !outer.done()) {
    const std::string_view within = inner.next();
    const std::string_view around = outer.next();
    if (around == any_more) return true;
    if (within == any_more) return false;
    if (around != any_one && around != within) return false;
  }
  return inner.done() && outer.done();
}

bool overlap(std::string_view pattern, std::string_view other) noexcept {
  Tokens ones(pattern);
  Tokens others(other);
  while (!ones.done() && !others.done()) {
    const std::string_view one = ones.next();
    const std::string_view another = others.next();
    if (one == any_more || another == any_more) return true;
    if (one != any_one && another != any_one && one != another) return false;
  }
  return ones.done() && others.done();
}

std::optional<std::string> in_common(std::string_view pattern, std::string_view other) {
  if (!overlap(pattern, other)) return std::nullopt;
  std::string common;
  Tokens ones(pattern);
  Tokens others(other);
  std::string_view one;
  std::string_view another;
  // `>` continues until the other pattern ends.
  while (!ones.done() || !others.done()) {
    if (one != any_more) one = ones.next();
    if (another != any_more) another = others.next();
    const bool narrower = one == any_more || (one == any_one && another != any_more);
    if (!common.empty()) common += '.';
    common += narrower ? another : one;
  }
  return common;
}

}  // namespace hallway::hub

namespace hallway {

bool is_subject(ByteView text) noexcept { return hub::is_valid_literal(text); }
bool is_subject_pattern(ByteView text) noexcept { return hub::is_valid_subject(text); }
bool matches_subject(ByteView pattern, ByteView subject) noexcept {
  return hub::matches(pattern, subject);
}
std::optional<std::string> subjects_in_common(ByteView pattern, ByteView other) {
  return hub::in_common(pattern, other);
}

InternalPart internal_part_of(ByteView pattern) noexcept {
  for (const ByteView internal : {"$SYS.>", "_HALLWAY.>"}) {
    if (!hub::overlap(pattern, internal)) continue;
    // A wildcard as the first token also matches other subjects.
    const bool only = pattern.starts_with(internal.substr(0, internal.find('.')));
    return only ? InternalPart::all : InternalPart::some;
  }
  return InternalPart::none;
}

}  // namespace hallway
