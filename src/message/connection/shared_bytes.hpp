// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>

#include "core/chunk.hpp"

namespace hallway::detail {

/// A range of a shared chunk that many outbound queues can refer to: one packet, or frames one
/// after the other.
struct SharedBytes {
  core::Chunk chunk;
  std::size_t begin = 0;
  std::size_t end = 0;
  std::size_t messages = 0;  // in the range

  [[nodiscard]] std::size_t size() const noexcept { return end - begin; }
};

}  // namespace hallway::detail
