// SPDX-License-Identifier: Apache-2.0
//
// What the printed form of somebody else's bytes must be like, and the way back from it.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>

#include "input.hpp"

namespace hallway::fuzz {

/// No byte that could upset a terminal or a log.
inline bool is_printable(std::string_view text) {
  return std::ranges::all_of(text, [](char byte) { return byte >= 0x20 && byte < 0x7f; });
}

/// The bytes that core::printable() wrote: it knows \\ and \xHH.
inline std::string unescaped(std::string_view text) {
  const auto digit = [](char letter) {
    require((letter >= '0' && letter <= '9') || (letter >= 'a' && letter <= 'f'));
    return letter <= '9' ? letter - '0' : letter - 'a' + 10;
  };
  std::string bytes;
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] != '\\') {
      bytes += text[at];
    } else if (text.substr(at + 1, 1) == "\\") {
      bytes += '\\';
      at += 1;
    } else {
      require(text.substr(at + 1, 1) == "x" && at + 3 < text.size());
      bytes += static_cast<char>(16 * digit(text[at + 2]) + digit(text[at + 3]));
      at += 3;
    }
  }
  return bytes;
}

}  // namespace hallway::fuzz
