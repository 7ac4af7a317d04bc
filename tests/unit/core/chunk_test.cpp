// SPDX-License-Identifier: Apache-2.0
#include "core/chunk.hpp"

#include <gtest/gtest.h>
#include <malloc.h>

#include <cstring>
#include <memory>
#include <utility>
#include <vector>

#include <hallway/limits.hpp>

namespace hallway::core {
namespace {

TEST(chunk, refers_to_nothing_at_first) { EXPECT_FALSE(Chunk()); }

TEST(chunk, gives_a_block_of_the_size_asked_for) {
  const Chunk chunk = Chunk::make(100);
  ASSERT_TRUE(chunk);
  EXPECT_EQ(chunk.size(), 100U);
  std::memset(chunk.data(), 'x', chunk.size());
  EXPECT_EQ(chunk.data()[99], 'x');
}

TEST(chunk, shares_its_block_with_its_copies) {
  const Chunk first = Chunk::make(10);
  first.data()[0] = 'a';
  const Chunk second = first;  // NOLINT(performance-unnecessary-copy-initialization)
  EXPECT_EQ(first, second);
  EXPECT_EQ(second.data(), first.data());
  EXPECT_NE(first, Chunk::make(10));
}

TEST(chunk, keeps_the_block_until_the_last_reference_is_gone) {
  Chunk last;
  {
    const Chunk first = Chunk::make(4);
    std::memcpy(first.data(), "kept", 4);
    last = first;
  }
  EXPECT_EQ(std::string_view(last.data(), 4), "kept");
}

TEST(chunk, leaves_the_source_of_a_move_empty) {
  Chunk first = Chunk::make(4);
  const Chunk second = std::move(first);
  EXPECT_FALSE(first);  // NOLINT(bugprone-use-after-move): that is the question
  EXPECT_TRUE(second);
}

TEST(chunk, survives_being_assigned_to_itself) {
  Chunk chunk = Chunk::make(4);
  const Chunk& same = chunk;
  chunk = same;
  ASSERT_TRUE(chunk);
  EXPECT_EQ(chunk.size(), 4U);
}

TEST(chunk, costs_a_hundred_holders_one_block) {
  constexpr std::size_t size = 8 * mebibyte;  // large enough to be mapped on its own
  const auto mapped = [] { return ::mallinfo2().hblkhd; };
  const std::size_t before = mapped();
  std::vector<Chunk> holders(100, Chunk::make(size));
  if (mapped() == before) GTEST_SKIP() << "another allocator counts here (a sanitizer's)";
  EXPECT_LT(mapped() - before, 2 * size);
  holders.clear();
  EXPECT_EQ(mapped(), before);
}

TEST(chunk_pool, gives_again_what_came_back_and_to_one_at_a_time) {
  ChunkPool pool;
  const char* data = nullptr;
  {
    const Chunk first = Chunk::make(ChunkPool::small, &pool);
    data = first.data();
    EXPECT_NE(Chunk::make(ChunkPool::small, &pool).data(), data);
  }
  const Chunk again = Chunk::make(ChunkPool::small, &pool);
  EXPECT_EQ(again.data(), data);
  EXPECT_NE(Chunk::make(ChunkPool::large, &pool).data(), data);
}

TEST(chunk_pool, takes_a_block_back_with_its_last_reference_only) {
  ChunkPool pool;
  Chunk first = Chunk::make(ChunkPool::large, &pool);
  const Chunk second = first;
  first = {};
  EXPECT_NE(Chunk::make(ChunkPool::large, &pool), second);
}

TEST(chunk_pool, may_end_before_a_chunk_that_has_left_it) {
  auto pool = std::make_unique<ChunkPool>();
  Chunk chunk = Chunk::make(ChunkPool::small, pool.get());
  chunk.detach_from_pool();
  pool.reset();
  chunk.data()[0] = 'x';
  chunk = {};  // the address sanitizer sees a pool that is asked after its end
}

TEST(chunk_pool, keeps_no_other_sizes_and_only_a_few) {
  ChunkPool pool;
  std::vector<Chunk> many;
  for (std::size_t i = 0; i < 50; ++i) {
    many.push_back(Chunk::make(ChunkPool::small, &pool));
    many.push_back(Chunk::make(ChunkPool::small + 1, &pool));
  }
  many.clear();  // the sanitizers see what is freed twice or never
  EXPECT_EQ(Chunk::make(ChunkPool::small + 1, &pool).size(), ChunkPool::small + 1);
}

}  // namespace
}  // namespace hallway::core
