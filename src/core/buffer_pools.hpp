// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/chunk.hpp"
#include "core/receive_buffer.hpp"

namespace hallway::core {

/// What the transports of one thread share.
struct BufferPools {
  ReceiveBufferPool received;
  ChunkPool sent;
};

}  // namespace hallway::core
