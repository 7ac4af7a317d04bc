// SPDX-License-Identifier: Apache-2.0
#include "core/receive_buffer.hpp"

#include <gtest/gtest.h>

#include <cstring>
#include <string_view>
#include <utility>
#include <vector>

#include <hallway/framing.hpp>
#include <hallway/limits.hpp>

namespace hallway::core {
namespace {

TEST(receive_buffer, owns_nothing_at_first) {
  const ReceiveBuffer buffer;
  EXPECT_FALSE(buffer);
  EXPECT_EQ(buffer.size(), 0U);
}

TEST(receive_buffer, keeps_what_it_holds_when_it_grows) {
  ReceiveBuffer buffer(4);
  std::memcpy(buffer.data(), "half", 4);
  buffer.resize(mebibyte);
  EXPECT_EQ(buffer.size(), mebibyte);
  EXPECT_EQ(std::string_view(buffer.data(), 4), "half");
}

TEST(receive_buffer, moves_without_copying) {
  ReceiveBuffer first(16);
  const char* data = first.data();
  const ReceiveBuffer second = std::move(first);
  EXPECT_EQ(second.data(), data);
  EXPECT_FALSE(first);  // NOLINT(bugprone-use-after-move): that is the question
}

TEST(receive_buffer_pool, lends_room_for_the_largest_default_message_and_its_framing) {
  ReceiveBufferPool pool;
  EXPECT_GE(pool.acquire().size(), Limits{}.max_message + Framing::length_size);
}

TEST(receive_buffer_pool, lends_again_what_came_back) {
  ReceiveBufferPool pool;
  ReceiveBuffer buffer = pool.acquire();
  const char* data = buffer.data();
  pool.release(std::move(buffer));
  EXPECT_EQ(pool.acquire().data(), data);
}

TEST(receive_buffer_pool, never_lends_one_buffer_twice) {
  ReceiveBufferPool pool;
  const ReceiveBuffer first = pool.acquire();
  const ReceiveBuffer second = pool.acquire();
  EXPECT_NE(first.data(), second.data());
}

TEST(receive_buffer_pool, does_not_keep_a_buffer_of_another_size) {
  ReceiveBufferPool pool;
  pool.release(ReceiveBuffer(16));
  EXPECT_EQ(pool.acquire().size(), ReceiveBufferPool::buffer_size);
}

TEST(receive_buffer_pool, lends_small_ones_for_little_and_again_what_came_back) {
  ReceiveBufferPool pool;
  ReceiveBuffer little = pool.acquire_exact(3);
  EXPECT_EQ(little.size(), ReceiveBufferPool::small_size);
  const char* data = little.data();
  pool.release(std::move(little));
  EXPECT_EQ(pool.acquire_exact(ReceiveBufferPool::small_size).data(), data);
  EXPECT_EQ(pool.acquire_exact(ReceiveBufferPool::small_size + 1).size(),
            ReceiveBufferPool::small_size + 1);
}

TEST(receive_buffer_pool, keeps_only_a_few) {
  constexpr std::size_t more_than_it_keeps = 7;
  ReceiveBufferPool pool;
  std::vector<ReceiveBuffer> lent;
  for (std::size_t i = 0; i < more_than_it_keeps; ++i) lent.push_back(pool.acquire());
  for (ReceiveBuffer& buffer : lent) pool.release(std::move(buffer));
  // The sanitizers' leak checks see the rest freed; here it only must not be lent twice.
  std::vector<const char*> seen;
  std::vector<ReceiveBuffer> again;
  for (std::size_t i = 0; i < more_than_it_keeps; ++i) {
    again.push_back(pool.acquire());
    for (const char* other : seen) EXPECT_NE(again.back().data(), other);
    seen.push_back(again.back().data());
  }
}

}  // namespace
}  // namespace hallway::core
