// SPDX-License-Identifier: Apache-2.0
//
// Letters and digits of ASCII, whatever the locale of the program is.
#pragma once

#include <algorithm>
#include <string_view>

namespace hallway::core {

[[nodiscard]] constexpr bool is_digit(char byte) noexcept { return byte >= '0' && byte <= '9'; }

[[nodiscard]] constexpr char to_lower(char byte) noexcept {
  return byte >= 'A' && byte <= 'Z' ? static_cast<char>(byte + ('a' - 'A')) : byte;
}

[[nodiscard]] constexpr bool is_letter(char byte) noexcept {
  return to_lower(byte) >= 'a' && to_lower(byte) <= 'z';
}

/// @return -1 if `byte` is not a hexadecimal digit
[[nodiscard]] constexpr int hex_value(char byte) noexcept {
  if (is_digit(byte)) return byte - '0';
  const char lower = to_lower(byte);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

[[nodiscard]] constexpr bool equal_ignoring_case(std::string_view one,
                                                 std::string_view other) noexcept {
  return std::ranges::equal(one, other, {}, to_lower, to_lower);
}

}  // namespace hallway::core
