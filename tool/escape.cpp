// SPDX-License-Identifier: Apache-2.0
#include "escape.hpp"

#include <algorithm>
#include <cstdint>

#include <hallway/bytes.hpp>

namespace hallway::tool {

std::string excerpt(std::string_view bytes, std::size_t most) {
  if (bytes.size() <= most) return printable(bytes);
  return printable(bytes.substr(0, most)) + "...";
}

std::string base64(std::string_view bytes) {
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

}  // namespace hallway::tool
