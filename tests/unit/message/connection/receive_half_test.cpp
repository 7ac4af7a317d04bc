// SPDX-License-Identifier: Apache-2.0
#include <hallway/detail/receive_half.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <optional>
#include <string_view>
#include <utility>

#include "core/buffer_pools.hpp"
#include "support/raw_socket.hpp"
#include "sys/socket.hpp"

namespace hallway::detail {
namespace {

using namespace test;

using State = ReceiveHalf::Taken::State;

class receive_half : public testing::Test {
 protected:
  void start(Framing framing, std::size_t descriptors = 0) {
    half.emplace(framing, 10, false, descriptors, buffers);
  }
  void add(std::string_view bytes) {
    std::ranges::copy(bytes, half->make_room().begin());
    half->add(bytes.size());
  }
  void add(std::string_view bytes, Descriptor descriptor) {
    const std::span<char> room = half->make_room();
    sys::ReceiveResult result;
    result.size = bytes.size();
    result.descriptors.push_back(std::move(descriptor));
    half->keep_descriptors(result);
    std::ranges::copy(bytes, room.begin());
    half->add(bytes.size());
  }

  core::BufferPools buffers;
  std::optional<ReceiveHalf> half;
};

TEST_F(receive_half, finds_whole_messages_and_takes_the_rest_slowly) {
  start(Framing::lines());
  add("one\ntwo\nthr");
  ReceiveHalf::Front front;
  half->postpone_clock();
  ASSERT_TRUE(half->find(front));
  EXPECT_EQ(half->take_front(front), "one");
  EXPECT_EQ(half->take().message, "two");
  EXPECT_FALSE(half->find(front));
  EXPECT_EQ(half->take().state, State::nothing);
  EXPECT_TRUE(half->has_partial());
  half->release_buffer();
  add("ee\n");
  EXPECT_EQ(half->take().message, "three");
  EXPECT_EQ(half->messages(), 3U);
  EXPECT_EQ(half->bytes(), 14U);
}

TEST_F(receive_half, owns_no_buffer_once_everything_is_taken) {
  start(Framing::lines());
  add("one\n");
  EXPECT_EQ(half->take().message, "one");
  EXPECT_EQ(half->buffered_bytes(), 4U);
  half->release_buffer();
  EXPECT_EQ(half->buffered_bytes(), 0U);
}

TEST_F(receive_half, reports_a_message_over_the_limit) {
  start(Framing::len32());
  add(std::string_view("\x0b\0\0\0", 4));
  EXPECT_EQ(half->take().state, State::too_large);
}

TEST_F(receive_half, reports_where_a_message_was_broken_off) {
  start(Framing::len32());
  add(std::string_view("\x05\0\0\0ab", 6));
  EXPECT_EQ(half->take().state, State::nothing);
  half->note_end_of_peer(Outcome::end_of_stream);
  const ReceiveHalf::Taken taken = half->take();
  EXPECT_EQ(taken.state, State::broken_off);
  EXPECT_EQ(taken.size, 6U);
}

TEST_F(receive_half, hands_out_descriptors_with_the_message_their_receive_ended_in) {
  start(Framing::lines(), 1);
  add("one\ntw", some_file());
  EXPECT_TRUE(half->take().message.descriptors().empty());
  add("o\n");
  const ReceiveHalf::Taken two = half->take();
  EXPECT_FALSE(two.message.descriptors_lost());
  EXPECT_EQ(two.message.descriptors().size(), 1U);
}

TEST_F(receive_half, discards_what_arrived_when_this_side_ends_it) {
  start(Framing::lines());
  add("one\ntwo\n");
  half->end(Outcome::closed);
  EXPECT_EQ(half->take().state, State::nothing);
  EXPECT_EQ(half->ended(), Outcome::closed);
  half->end(Outcome::failed);
  EXPECT_EQ(half->ended(), Outcome::closed);
}

}  // namespace
}  // namespace hallway::detail
