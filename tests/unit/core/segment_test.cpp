// SPDX-License-Identifier: Apache-2.0
#include "core/segment.hpp"

#include <gtest/gtest.h>

#include <utility>

namespace hallway::core {
namespace {

SegmentListPool::List list_with_room_for(std::size_t segments) {
  SegmentListPool::List list;
  list.reserve(segments);
  return list;
}

TEST(segment, is_a_range_of_its_chunk) {
  const Segment segment{Chunk::make(10), 2, 7};
  EXPECT_EQ(segment.start(), segment.chunk.data() + 2);
  EXPECT_EQ(segment.size(), 5U);
}

TEST(segment_list_pool, lends_a_list_that_came_back_and_empty) {
  SegmentListPool pool;
  SegmentListPool::List list = pool.acquire();
  EXPECT_EQ(list.capacity(), 0U);
  list.push_back({Chunk::make(10), 0, 10});
  const Segment* const where = list.data();
  pool.release(std::move(list));

  const SegmentListPool::List again = pool.acquire();
  EXPECT_TRUE(again.empty());
  EXPECT_EQ(again.data(), where);
  EXPECT_EQ(pool.acquire().capacity(), 0U);
}

TEST(segment_list_pool, lets_go_of_the_chunks_at_once) {
  ChunkPool chunks;
  SegmentListPool pool;
  SegmentListPool::List list;
  list.push_back({Chunk::make(ChunkPool::small, &chunks), 0, 10});
  const char* const bytes = list.front().chunk.data();
  pool.release(std::move(list));
  EXPECT_EQ(Chunk::make(ChunkPool::small, &chunks).data(), bytes);
}

TEST(segment_list_pool, keeps_no_list_that_grew_long) {
  SegmentListPool pool;
  pool.release(list_with_room_for(1000));
  EXPECT_EQ(pool.acquire().capacity(), 0U);
}

TEST(segment_list_pool, keeps_nothing_of_nothing) {
  SegmentListPool pool;
  pool.release(list_with_room_for(2));
  pool.release({});
  EXPECT_EQ(pool.acquire().capacity(), 2U);
}

}  // namespace
}  // namespace hallway::core
