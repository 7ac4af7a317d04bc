// SPDX-License-Identifier: Apache-2.0
//
// Printable and shortened forms of a message.
#pragma once

#include <string>
#include <string_view>

namespace hallway::tool {

/// The first `most` bytes in printable form, followed by "..." if bytes were left out.
std::string excerpt(std::string_view bytes, std::size_t most);

/// Whether a byte is the second or a later one of a UTF-8 character.
constexpr bool is_utf8_continuation(char byte) {
  return (static_cast<unsigned char>(byte) & 0xC0U) == 0x80U;
}

/// The longest prefix of at most `most` bytes that does not end inside a UTF-8 character. Bytes
/// that are not UTF-8 are cut after `most`.
inline std::string_view beginning_of(std::string_view bytes, std::size_t most) {
  constexpr std::size_t longest_rest = 3;  // bytes of a character after its first
  if (bytes.size() <= most) return bytes;
  for (std::size_t size = most; size + longest_rest >= most && size > 0; --size) {
    if (!is_utf8_continuation(bytes[size])) return bytes.substr(0, size);
  }
  return bytes.substr(0, most);
}

}  // namespace hallway::tool
