// SPDX-License-Identifier: Apache-2.0
#include <hallway/detail/send_half.hpp>

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <expected>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/buffer_pools.hpp"
#include "message/connection/shared_bytes.hpp"
#include "support/raw_socket.hpp"

namespace hallway::detail {
namespace {

using namespace test;

using Segments = SendHalf::Segments;

/// A half that frames nothing, the socket it writes to, and what arrives at the other end.
class send_half : public testing::Test {
 protected:
  void start(Segments segments, int type = SOCK_STREAM) {
    half.emplace(Framing::raw(), bounds::max_message, segments, buffers);
    auto [near, far] = raw_pair(type);
    socket = std::move(near);
    peer.emplace(std::move(far));
  }
  void enqueue_alone(std::string_view bytes) {
    half->enqueue(bytes);
    half->seal();
  }
  void enqueue_shared(std::string_view bytes) {
    const core::Chunk chunk = core::Chunk::make(bytes.size());
    std::ranges::copy(bytes, chunk.data());
    half->enqueue_shared({chunk, 0, bytes.size(), 1});
  }
  void enqueue_with(std::string_view bytes, Descriptor descriptor) {
    std::vector<Descriptor> list;
    list.push_back(std::move(descriptor));
    half->enqueue(bytes, list);
  }
  std::expected<std::size_t, int> send() {
    ByteView nothing;
    return half->send_some(socket.get(), nothing);
  }

  core::BufferPools buffers;
  std::optional<SendHalf> half;
  Descriptor socket;
  std::optional<RawStream> peer;
};

TEST_F(send_half, is_empty_at_first) {
  start(Segments::joined);
  EXPECT_TRUE(half->empty());
  EXPECT_EQ(half->queued_bytes(), 0U);
}

TEST_F(send_half, sends_what_was_appended_at_once_and_is_empty_again) {
  start(Segments::joined);
  half->enqueue("one ");
  half->enqueue("two ");
  enqueue_shared("three ");
  half->enqueue("four");
  EXPECT_EQ(half->queued_bytes(), 18U);
  EXPECT_EQ(send(), 18U);
  EXPECT_TRUE(half->empty());
  EXPECT_EQ(half->queued_bytes(), 0U);
  peer->collect();
  EXPECT_EQ(peer->received, "one two three four");
}

TEST_F(send_half, has_room_for_a_small_message_only_behind_another) {
  start(Segments::joined);
  EXPECT_FALSE(half->try_enqueue("one"));
  half->enqueue("two");
  EXPECT_TRUE(half->try_enqueue("three"));
  half->seal();
  EXPECT_FALSE(half->try_enqueue("four"));
  enqueue_shared("five");
  EXPECT_FALSE(half->try_enqueue("six"));
  half->enqueue("seven");
  EXPECT_TRUE(half->try_enqueue("eight"));
  EXPECT_EQ(half->messages(), 5U);
  EXPECT_EQ(send(), 22U);
  EXPECT_FALSE(half->try_enqueue("nine"));
  peer->collect();
  EXPECT_EQ(peer->received, "twothreefiveseveneight");
}

TEST_F(send_half, puts_a_message_together_of_parts_where_there_is_room_for_all_of_them) {
  start(Segments::joined);
  EXPECT_FALSE(half->try_enqueue("[", "one", "]"));
  half->enqueue("first");
  EXPECT_TRUE(half->try_enqueue("[", "two", "]"));
  EXPECT_TRUE(half->try_enqueue("", "", ""));
  half->limit_room(half->queued_bytes() + 4);
  EXPECT_FALSE(half->try_enqueue("[", "no", "]!"));
  EXPECT_TRUE(half->try_enqueue("[", "ok", "]"));
  EXPECT_FALSE(half->try_enqueue("", "", "x"));
  EXPECT_EQ(half->messages(), 4U);
  EXPECT_EQ(send(), 14U);
  peer->collect();
  EXPECT_EQ(peer->received, "first[two][ok]");
}

TEST_F(send_half, takes_no_parts_that_are_together_over_the_limit_of_a_message) {
  start(Segments::joined);
  half.emplace(Framing::raw(), 6, Segments::joined, buffers);
  half->enqueue("first");
  EXPECT_FALSE(half->try_enqueue("1234", "56", "7"));
  EXPECT_TRUE(half->try_enqueue("1234", "5", "6"));
}

TEST_F(send_half, leaves_a_small_message_no_room_over_the_limit) {
  start(Segments::joined);
  half->enqueue("0123456789");
  half->limit_room(15);
  EXPECT_TRUE(half->try_enqueue("01234"));
  EXPECT_FALSE(half->try_enqueue("5"));
  half->enqueue("5");
  half->limit_room(15);
  EXPECT_FALSE(half->try_enqueue("6"));
  EXPECT_EQ(half->queued_bytes(), 16U);
}

TEST_F(send_half, frames_a_message_that_is_sent_from_where_it_lies) {
  for (const Framing framing : {Framing::lines(), Framing::len32()}) {
    half.reset();
    start(Segments::joined);
    half->set_framing(framing);
    half->enqueue("one");
    const std::size_t tail = half->enqueue_head(5);
    ByteView behind = "three";
    ASSERT_TRUE(half->send_some(socket.get(), behind));
    EXPECT_TRUE(behind.empty());
    if (tail > 0) half->enqueue_rest(behind);
    while (!half->empty()) ASSERT_TRUE(send());
    std::string expected(8 + 2 * framing.overhead(), ' ');
    framing.write("three", framing.write("one", expected.data()));
    peer->collect();
    EXPECT_EQ(peer->received, expected) << framing.to_string();
  }
}

TEST_F(send_half, goes_on_where_the_kernel_stopped_and_takes_more_meanwhile) {
  start(Segments::joined);
  shrink_send_buffer(socket.get());
  std::mt19937 random(1);  // NOLINT(cert-msc51-cpp): the same every time, on purpose
  std::string expected;
  std::size_t sent = 0;
  for (int round = 0; round < 3000; ++round) {
    const std::string piece(random() % 3000 + 1, static_cast<char>('a' + round % 26));
    if (random() % 4 == 0) {
      enqueue_shared(piece);
    } else {
      half->enqueue(piece);
    }
    expected += piece;
    ASSERT_EQ(half->queued_bytes(), expected.size() - sent);
    if (random() % 3 == 0) {
      if (const auto went = send()) sent += *went;
      ASSERT_EQ(half->queued_bytes(), expected.size() - sent);
      if (random() % 2 == 0) peer->collect();
    }
  }
  while (!half->empty()) {
    if (const auto went = send()) sent += *went;
    peer->collect();
  }
  EXPECT_EQ(sent, expected.size());
  EXPECT_EQ(peer->received, expected);
}

TEST_F(send_half, fails_with_what_the_kernel_says_and_keeps_what_it_has) {
  start(Segments::joined);
  half->enqueue("kept");
  peer->close();
  EXPECT_EQ(send().error(), EPIPE);
  EXPECT_EQ(half->queued_bytes(), 4U);
}

TEST_F(send_half, sends_one_packet_at_a_time_empty_ones_included) {
  start(Segments::packets, SOCK_SEQPACKET);
  for (const char* packet : {"one", "", "three"}) enqueue_alone(packet);
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(send());
  EXPECT_TRUE(half->empty());
  for (const char* packet : {"one", "", "three"}) EXPECT_EQ(raw_receive(peer->get()).bytes, packet);
}

TEST_F(send_half, drops_the_oldest_message_that_is_not_partly_sent) {
  start(Segments::single);
  for (const char* message : {"one.", "two.", "three.", "four."}) enqueue_alone(message);
  EXPECT_TRUE(half->drop_oldest());
  EXPECT_TRUE(half->drop_oldest());
  EXPECT_EQ(send(), 11U);
  peer->collect();
  EXPECT_EQ(peer->received, "three.four.");
  EXPECT_FALSE(half->drop_oldest());
}

TEST_F(send_half, never_drops_the_rest_of_a_message_that_has_begun) {
  start(Segments::single);
  shrink_send_buffer(socket.get());
  const std::string large(200'000, 'x');
  enqueue_alone(large);
  enqueue_alone("second");
  enqueue_alone("third");
  ASSERT_LT(*send(), large.size());
  EXPECT_TRUE(half->drop_oldest());
  EXPECT_TRUE(half->drop_oldest());
  EXPECT_FALSE(half->drop_oldest());
  while (!half->empty()) {
    (void)send();
    peer->collect();
  }
  peer->collect();
  EXPECT_EQ(peer->received, large);
}

TEST_F(send_half, sends_descriptors_with_their_message_alone_and_once) {
  start(Segments::joined);
  const Descriptor file = some_file();
  half->enqueue("before");
  enqueue_with("with", Descriptor::adopt(::dup(file.get())));
  half->enqueue("after");
  while (!half->empty()) ASSERT_TRUE(send());
  const RawReception together = raw_receive(peer->get());
  EXPECT_EQ(together.bytes, "beforewith");  // the kernel stops a receive behind descriptors
  EXPECT_EQ(together.descriptors.size(), 1U);
  EXPECT_EQ(raw_receive(peer->get()).bytes, "after");
}

TEST_F(send_half, closes_descriptors_of_messages_it_throws_away) {
  start(Segments::joined);
  enqueue_with("with", some_file());
  half->clear();
  EXPECT_TRUE(half->empty());
}

}  // namespace
}  // namespace hallway::detail
