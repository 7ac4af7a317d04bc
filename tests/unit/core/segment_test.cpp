// SPDX-License-Identifier: Apache-2.0
#include "core/segment.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <utility>

namespace hallway::core {
namespace {

SegmentQueuePool::Queue queue_with_room_for(std::size_t segments) {
  auto queue = std::make_unique<SegmentQueue>();
  queue->segments.reserve(segments);
  return queue;
}

TEST(segment, is_a_range_of_its_chunk) {
  const Segment segment{Chunk::make(10), 2, 7};
  EXPECT_EQ(segment.start(), segment.chunk.data() + 2);
  EXPECT_EQ(segment.size(), 5U);
}

TEST(segment_queue_pool, hands_out_a_released_queue_again_and_empty) {
  SegmentQueuePool pool;
  SegmentQueuePool::Queue queue = pool.acquire();
  EXPECT_TRUE(queue->empty());
  EXPECT_GE(queue->segments.capacity(), 1U);
  queue->segments.push_back({Chunk::make(10), 0, 10});
  queue->head_cut = true;
  const SegmentQueue* const where = queue.get();
  pool.release(std::move(queue));

  const SegmentQueuePool::Queue again = pool.acquire();
  EXPECT_EQ(again.get(), where);
  EXPECT_TRUE(again->empty());
  EXPECT_FALSE(again->head_cut);
  EXPECT_NE(pool.acquire(), again);
}

TEST(segment_queue_pool, releases_the_chunks_at_once) {
  ChunkPool chunks;
  SegmentQueuePool pool;
  SegmentQueuePool::Queue queue = pool.acquire();
  queue->tail = Chunk::make(ChunkPool::small, &chunks);
  const char* const bytes = queue->tail.data();
  queue->segments.push_back({queue->tail, 0, 10});
  pool.release(std::move(queue));
  EXPECT_EQ(Chunk::make(ChunkPool::small, &chunks).data(), bytes);
}

TEST(segment_queue_pool, frees_a_queue_that_grew_long) {
  SegmentQueuePool pool;
  pool.release(queue_with_room_for(2));
  pool.release(queue_with_room_for(1000));
  EXPECT_EQ(pool.acquire()->segments.capacity(), 2U);
}

}  // namespace
}  // namespace hallway::core
