// SPDX-License-Identifier: Apache-2.0
#include <hallway/bytes.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

namespace hallway {

namespace {

/// The code point at the start of a text. Its size is 0 if no valid one begins there.
struct CodePoint {
  std::uint32_t value = 0;
  std::size_t size = 0;
};

std::uint8_t byte_at(ByteView bytes, std::size_t at) {
  return static_cast<std::uint8_t>(bytes[at]);
}

/// The size of a code point by its first byte; 0 if no code point begins with that byte.
std::size_t announced_size(std::uint8_t first) {
  if (first < 0x80) return 1;
  if (first >= 0xC2 && first <= 0xDF) return 2;
  if (first >= 0xE0 && first <= 0xEF) return 3;
  if (first >= 0xF0 && first <= 0xF4) return 4;
  return 0;
}

/// Rejects overlong forms, surrogates and values above U+10FFFF.
CodePoint first_code_point(ByteView bytes) {
  constexpr std::array<std::uint32_t, 5> smallest{0, 0, 0x80, 0x800, 0x10000};
  const std::uint8_t first = byte_at(bytes, 0);
  const std::size_t size = announced_size(first);
  if (size == 0 || size > bytes.size()) return {};
  if (size == 1) return {first, 1};
  std::uint32_t value = first & (0x7FU >> size);
  for (std::size_t at = 1; at < size; ++at) {
    if ((byte_at(bytes, at) & 0xC0U) != 0x80) return {};
    value = value << 6U | (byte_at(bytes, at) & 0x3FU);
  }
  const bool surrogate = value >= 0xD800 && value <= 0xDFFF;
  if (value < smallest[size] || value > 0x10FFFF || surrogate) return {};
  return {value, size};
}

bool needs_escape(std::uint32_t point) {
  const bool control = point < 0x20 || (point >= 0x7F && point < 0xA0);
  const bool separator = point == 0x2028 || point == 0x2029;
  const bool bidirectional = point == 0x061C || point == 0x200E || point == 0x200F ||
                             (point >= 0x202A && point <= 0x202E) ||
                             (point >= 0x2066 && point <= 0x2069);
  return control || separator || bidirectional;
}

std::string hexadecimal(std::uint32_t value, unsigned digits) {
  std::string text;
  while (digits-- > 0) text += "0123456789abcdef"[value >> (4 * digits) & 0xFU];
  return text;
}

std::string escape_of(std::uint32_t point) {
  switch (point) {
    case '\n': return "\\n";
    case '\r': return "\\r";
    case '\t': return "\\t";
    case '\0': return "\\0";
    default: return point < 0x80 ? "\\x" + hexadecimal(point, 2) : "\\u" + hexadecimal(point, 4);
  }
}

}  // namespace

std::string printable(ByteView bytes) {
  std::string text;
  text.reserve(bytes.size());
  while (!bytes.empty()) {
    const CodePoint point = first_code_point(bytes);
    if (point.size == 0) {
      text += "\\x" + hexadecimal(byte_at(bytes, 0), 2);
      bytes.remove_prefix(1);
      continue;
    }
    if (needs_escape(point.value)) {
      text += escape_of(point.value);
    } else {
      text += bytes.substr(0, point.size);
    }
    bytes.remove_prefix(point.size);
  }
  return text;
}

bool is_utf8(ByteView bytes) noexcept {
  while (!bytes.empty()) {
    const std::size_t size = first_code_point(bytes).size;
    if (size == 0) return false;
    bytes.remove_prefix(size);
  }
  return true;
}

std::string base64(ByteView bytes) {
  constexpr std::string_view digits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  for (std::size_t at = 0; at < bytes.size(); at += 3) {
    std::uint32_t group = 0;
    for (std::size_t next = at; next < at + 3; ++next) {
      group = group << 8 | (next < bytes.size() ? static_cast<std::uint8_t>(bytes[next]) : 0U);
    }
    const std::size_t present = std::min<std::size_t>(bytes.size() - at, 3);
    for (std::size_t digit = 0; digit < 4; ++digit) {
      text += digit <= present ? digits[group >> (18 - 6 * digit) & 0x3F] : '=';
    }
  }
  return text;
}

}  // namespace hallway
