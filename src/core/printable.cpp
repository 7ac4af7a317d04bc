// SPDX-License-Identifier: Apache-2.0
#include "core/printable.hpp"

namespace hallway::core {

std::string printable(ByteView bytes) {
  constexpr const char* digits = "0123456789abcdef";
  std::string text;
  text.reserve(bytes.size());
  for (const char byte : bytes) {
    const auto value = static_cast<unsigned char>(byte);
    if (value == '\\') {
      text += "\\\\";
    } else if (value >= 0x20 && value < 0x7f) {
      text += byte;
    } else {
      text += "\\x";
      text += digits[value >> 4U];
      text += digits[value & 0xfU];
    }
  }
  return text;
}

}  // namespace hallway::core
