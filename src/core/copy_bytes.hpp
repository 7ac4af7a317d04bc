// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>

#include <hallway/bytes.hpp>

namespace hallway::core {

/// Copies bytes to where there is room for them.
/// @return where the next ones go
///
/// std::ranges::copy() of bytes that are const is a loop in GCC 12, one byte at a time; this is a
/// memmove.
inline char* copy_bytes(ByteView bytes, char* at) noexcept {
  return std::copy_n(bytes.data(), bytes.size(), at);
}

}  // namespace hallway::core
