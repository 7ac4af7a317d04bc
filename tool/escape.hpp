// SPDX-License-Identifier: Apache-2.0
//
// A form of a message besides itself.
#pragma once

#include <string>
#include <string_view>

namespace hallway::tool {

/// The first `most` bytes, printable, and "..." where something was left out.
std::string excerpt(std::string_view bytes, std::size_t most);

/// Whether a byte goes on with the character before it, in UTF-8.
constexpr bool is_utf8_continuation(char byte) {
  return (static_cast<unsigned char>(byte) & 0xC0U) == 0x80U;
}

}  // namespace hallway::tool
