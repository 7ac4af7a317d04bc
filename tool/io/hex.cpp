// SPDX-License-Identifier: Apache-2.0
#include "io/hex.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>

namespace hallway::tool {

namespace {

constexpr std::size_t row_size = 16;
constexpr std::size_t digits_width = 3 * row_size + 1;

std::string row(std::size_t offset, std::string_view bytes) {
  std::string digits;
  std::string text;
  for (std::size_t at = 0; at < bytes.size(); ++at) {
    if (at == row_size / 2) digits += ' ';
    digits += fmt::format("{:02x} ", static_cast<std::uint8_t>(bytes[at]));
    text += bytes[at] >= ' ' && bytes[at] <= '~' ? bytes[at] : '.';
  }
  return fmt::format("{:08x}  {:{}} |{}|\n", offset, digits, digits_width, text);
}

}  // namespace

std::string hex_dump(std::string_view bytes) {
  std::string dump;
  std::size_t at = 0;
  do {
    dump += row(at, bytes.substr(at, row_size));
    at += row_size;
  } while (at < bytes.size());
  return dump;
}

}  // namespace hallway::tool
