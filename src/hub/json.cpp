// SPDX-License-Identifier: Apache-2.0
#include "hub/json.hpp"

#include <algorithm>
#include <array>
#include <cassert>
#include <cstdint>

#include <hallway/bytes.hpp>

#include "core/ascii.hpp"

namespace hallway::hub {

namespace {

bool is_hex_digit(char character) { return core::hex_value(character) >= 0; }

/// @return the size of the escape sequence that begins `text`; 0 if it is not valid
std::size_t escape_size(std::string_view text) {
  constexpr std::size_t of_unicode = 6;
  if (text.size() < 2) return 0;
  if (text[1] != 'u') return std::string_view("\"\\/bfnrt").contains(text[1]) ? 2 : 0;
  if (text.size() < of_unicode) return 0;
  return std::ranges::all_of(text.substr(2, 4), is_hex_digit) ? of_unicode : 0;
}

/// Appends \uXXXX for a code point, or two of them (a UTF-16 surrogate pair) above U+FFFF.
void add_escape(std::string& text, std::uint32_t point) {
  if (point > 0xFFFF) {
    add_escape(text, 0xD800 + ((point - 0x10000) >> 10U));
    return add_escape(text, 0xDC00 + ((point - 0x10000) & 0x3FFU));
  }
  text += "\\u";
  for (unsigned shift = 16; shift > 0; shift -= 4) {
    text += "0123456789abcdef"[point >> (shift - 4) & 0xFU];
  }
}

/// `text` as a JSON string, in ASCII.
/// @param text  valid UTF-8
std::string quoted(std::string_view text) {
  std::string quoted = "\"";
  while (!text.empty()) {
    const auto first = static_cast<std::uint8_t>(text.front());
    std::size_t size = 1;
    std::uint32_t point = first;
    if (first >= 0x80) {
      size = 2;
      if (first >= 0xE0) size = first < 0xF0 ? 3 : 4;
      point = first & (0x7FU >> size);
      for (const char byte : text.substr(1, size - 1)) {
        point = point << 6U | (static_cast<std::uint8_t>(byte) & 0x3FU);
      }
    }
    text.remove_prefix(size);
    if (point < ' ' || point > '~') {
      add_escape(quoted, point);
    } else {
      if (point == '"' || point == '\\') quoted += '\\';
      quoted += static_cast<char>(point);
    }
  }
  return quoted + '"';
}

}  // namespace

// Reading ----------------------------------------------------------------------------------------

JsonReader::JsonReader(std::string_view text) noexcept : rest_(text) {
  skip_blanks();
  if (take_word("null")) {
    skip_blanks();
    end(rest_.empty());
  } else if (!take('{')) {
    end(false);
  }
}

const JsonMember* JsonReader::next() noexcept {
  if (done_) return nullptr;
  skip_blanks();
  if (take('}')) {
    skip_blanks();
    return end(rest_.empty());
  }
  if (!first_) {
    if (!take(',')) return end(false);
    skip_blanks();
  }
  first_ = false;
  if (!take_name(member_.name) || !take_value(member_)) return end(false);
  return &member_;
}

const JsonMember* JsonReader::end(bool valid) noexcept {
  valid_ = valid;
  done_ = true;
  return nullptr;
}

void JsonReader::skip_blanks() noexcept {
  rest_.remove_prefix(std::min(rest_.find_first_not_of(" \t\r\n"), rest_.size()));
}

bool JsonReader::take(char character) noexcept {
  if (!rest_.starts_with(character)) return false;
  rest_.remove_prefix(1);
  return true;
}

bool JsonReader::take_word(std::string_view word) noexcept {
  if (!rest_.starts_with(word)) return false;
  rest_.remove_prefix(word.size());
  return true;
}

bool JsonReader::take_digits() noexcept {
  const auto* const end = std::ranges::find_if_not(rest_, core::is_digit);
  const auto count = static_cast<std::size_t>(end - rest_.begin());
  rest_.remove_prefix(count);
  return count > 0;
}

bool JsonReader::take_string(std::string_view& content) noexcept {
  if (!take('"')) return false;
  for (std::size_t at = 0; at < rest_.size();) {
    const char character = rest_[at];
    if (character == '"') {
      content = rest_.substr(0, at);
      rest_.remove_prefix(at + 1);
      return true;
    }
    if (static_cast<unsigned char>(character) < ' ') return false;
    const std::size_t size = character == '\\' ? escape_size(rest_.substr(at)) : 1;
    if (size == 0) return false;
    at += size;
  }
  return false;
}

bool JsonReader::take_number() noexcept {
  take('-');
  const bool leading_zero = rest_.starts_with('0');
  if (leading_zero ? !take('0') : !take_digits()) return false;
  if (take('.') && !take_digits()) return false;
  if (take('e') || take('E')) {
    if (!take('+')) take('-');
    return take_digits();
  }
  return true;
}

bool JsonReader::take_scalar(JsonKind& kind) noexcept {
  if (take_word("null")) {
    kind = JsonKind::null;
  } else if (take_word("true") || take_word("false")) {
    kind = JsonKind::boolean;
  } else {
    kind = JsonKind::number;
    return take_number();
  }
  return true;
}

bool JsonReader::take_name(std::string_view& name) noexcept {
  if (!take_string(name)) return false;
  skip_blanks();
  return take(':');
}

bool JsonReader::take_value(JsonMember& member) noexcept {
  skip_blanks();
  const std::string_view before = rest_;
  if (rest_.starts_with('"')) {
    member.kind = JsonKind::string;
    return take_string(member.value);
  }
  const bool nested = begins_nested();
  if (nested) member.kind = rest_.front() == '{' ? JsonKind::object : JsonKind::array;
  if (nested ? !take_nested() : !take_scalar(member.kind)) return false;
  member.value = before.substr(0, before.size() - rest_.size());
  return true;
}

/// The closing brackets of the arrays and objects that are open. An explicit stack, not recursion,
/// because an untrusted client decides how deep they nest.
struct JsonReader::Open {
  std::array<char, deepest> closers{};
  std::size_t depth = 0;
};

/// Reads an array or object with everything in it.
bool JsonReader::take_nested() noexcept {
  Open open;
  do {
    skip_blanks();
    const bool begins = begins_nested();
    if (begins ? !enter(open) : !take_plain()) return false;
    const bool empty = leave(open) && begins;
    if (open.depth > 0 && !take_separator(open, begins && !empty)) return false;
  } while (open.depth > 0);
  return true;
}

bool JsonReader::begins_nested() const noexcept {
  return rest_.starts_with('{') || rest_.starts_with('[');
}

bool JsonReader::enter(Open& open) noexcept {
  if (open.depth == deepest) return false;
  open.closers[open.depth++] = rest_.front() == '{' ? '}' : ']';
  rest_.remove_prefix(1);
  return true;
}

/// @return whether an array or object ends here
bool JsonReader::leave(Open& open) noexcept {
  skip_blanks();
  bool any = false;
  while (open.depth > 0 && take(open.closers[open.depth - 1])) {
    any = true;
    if (--open.depth > 0) skip_blanks();
  }
  return any;
}

/// Reads what stands before a nested value: a comma unless it is the first, and a member's name.
bool JsonReader::take_separator(const Open& open, bool first) noexcept {
  if (!first) {
    if (!take(',')) return false;
    skip_blanks();
  }
  std::string_view ignored;
  return open.closers[open.depth - 1] != '}' || take_name(ignored);
}

bool JsonReader::take_plain() noexcept {
  std::string_view ignored;
  JsonKind kind{};
  return rest_.starts_with('"') ? take_string(ignored) : take_scalar(kind);
}

// Writing ----------------------------------------------------------------------------------------

JsonObject& JsonObject::add(std::string_view name, std::span<const JsonObject> objects) {
  std::string array = "[";
  for (const JsonObject& object : objects) {
    if (array.size() > 1) array += ',';
    array += object.text();
  }
  return add_bare(name, array + ']');
}

JsonObject& JsonObject::add_bare(std::string_view name, std::string_view value) {
  if (text_.size() > 1) text_ += ',';
  text_ += '"';
  text_ += name;
  text_ += "\":";
  text_ += value;
  return *this;
}

JsonObject& JsonObject::add(std::string_view name, std::string_view value) {
  if (is_utf8(value)) return add_bare(name, quoted(value));
  return add_bare(std::string(name) + "_base64", quoted(base64(value)));
}

}  // namespace hallway::hub
