// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>

#include <hallway/bytes.hpp>

namespace hallway::core {

/// Copies `bytes` to `at`. The caller provides the room.
/// @return the end of the copy
///
/// std::ranges::copy() of const bytes is a byte-by-byte loop in GCC 12; this is a memmove.
inline char* copy_bytes(ByteView bytes, char* at) noexcept {
  return std::copy_n(bytes.data(), bytes.size(), at);
}

}  // namespace hallway::core
