// SPDX-License-Identifier: Apache-2.0
//
// What the printed form of somebody else's bytes must be like.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace hallway::fuzz {

inline bool is_between(char byte, unsigned low, unsigned high) {
  const auto value = static_cast<std::uint8_t>(byte);
  return value >= low && value <= high;
}

/// Bytes of the first well-formed sequence, by table 3-7 of the Unicode standard; 0: there is none.
inline std::size_t well_formed(std::string_view bytes) {
  struct Row {
    unsigned first_low, first_high, second_low, second_high;
    std::size_t size;
  };
  constexpr Row rows[] = {
      {0x00, 0x7F, 0, 0, 1},       {0xC2, 0xDF, 0x80, 0xBF, 2}, {0xE0, 0xE0, 0xA0, 0xBF, 3},
      {0xE1, 0xEC, 0x80, 0xBF, 3}, {0xED, 0xED, 0x80, 0x9F, 3}, {0xEE, 0xEF, 0x80, 0xBF, 3},
      {0xF0, 0xF0, 0x90, 0xBF, 4}, {0xF1, 0xF3, 0x80, 0xBF, 4}, {0xF4, 0xF4, 0x80, 0x8F, 4},
  };
  for (const Row& row : rows) {
    if (!is_between(bytes[0], row.first_low, row.first_high)) continue;
    if (bytes.size() < row.size) return 0;
    if (row.size > 1 && !is_between(bytes[1], row.second_low, row.second_high)) return 0;
    for (std::size_t at = 2; at < row.size; ++at) {
      if (!is_between(bytes[at], 0x80, 0xBF)) return 0;
    }
    return row.size;
  }
  return 0;
}

/// Text without a byte that could upset a terminal or a log.
inline bool is_harmless(std::string_view shown) {
  constexpr std::string_view turning[] = {"\u061C", "\u200E", "\u200F", "\u202A", "\u202B",
                                          "\u202C", "\u202D", "\u202E", "\u2066", "\u2067",
                                          "\u2068", "\u2069", "\u2028", "\u2029"};
  for (std::string_view rest = shown; !rest.empty();) {
    const std::size_t size = well_formed(rest);
    if (size == 0) return false;
    if (is_between(rest[0], 0x00, 0x1F) || rest[0] == 0x7F) return false;
    if (rest[0] == '\xC2' && is_between(rest[1], 0x80, 0x9F)) return false;
    for (const std::string_view mark : turning) {
      if (rest.starts_with(mark)) return false;
    }
    rest.remove_prefix(size);
  }
  return true;
}

}  // namespace hallway::fuzz
