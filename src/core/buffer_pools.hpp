// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/chunk.hpp"
#include "core/receive_buffer.hpp"
#include "core/segment.hpp"

namespace hallway::core {

/// The buffer pools that the connections of one thread share.
struct BufferPools {
  ReceiveBufferPool received;
  ChunkPool sent;
  SegmentQueuePool queues;
};

}  // namespace hallway::core
