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

/// The first bytes of a text, at most `most`, without part of a character at their end. Bytes that
/// are no text are cut where it falls.
inline std::string_view beginning_of(std::string_view bytes, std::size_t most) {
  constexpr std::size_t longest_rest = 3;  // of a character, behind its first byte
  if (bytes.size() <= most) return bytes;
  for (std::size_t size = most; size + longest_rest >= most && size > 0; --size) {
    if (!is_utf8_continuation(bytes[size])) return bytes.substr(0, size);
  }
  return bytes.substr(0, most);
}

}  // namespace hallway::tool
