// SPDX-License-Identifier: Apache-2.0
#include "message/connection/outbound_queue.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "support/raw_socket.hpp"

namespace hallway::detail {
namespace {

using namespace test;

/// A queue, the socket it writes to, and what arrives at the other end.
class outbound_queue : public testing::Test {
 protected:
  void start(bool boundaries, int type = SOCK_STREAM) {
    queue.emplace(boundaries, buffers);
    auto [near, far] = raw_pair(type);
    socket = std::move(near);
    peer.emplace(std::move(far));
  }
  void append(std::string_view bytes) {
    end = queue->open(bytes.size(), end);
    end.room = std::ranges::copy(bytes, end.room).out;
  }
  void append_alone(std::string_view bytes) {
    append(bytes);
    queue->seal(end);
  }
  void append_shared(std::string_view bytes) {
    queue->seal(end);
    const core::Chunk chunk = core::Chunk::make(bytes.size());
    std::ranges::copy(bytes, chunk.data());
    queue->append_range(chunk, 0, bytes.size());
  }
  sys::Expected<std::size_t> send(bool packets = false) {
    ByteView nothing;
    return queue->send_some(socket.get(), packets, end, nothing);
  }

  core::BufferPools buffers;
  std::optional<OutboundQueue> queue;
  OutboundQueue::OpenEnd end;
  Descriptor socket;
  std::optional<RawStream> peer;
};

TEST_F(outbound_queue, is_empty_at_first) {
  start(false);
  EXPECT_TRUE(queue->empty());
  EXPECT_EQ(queue->bytes(end), 0U);
}

TEST_F(outbound_queue, sends_what_was_appended_at_once_and_is_empty_again) {
  start(false);
  append("one ");
  append("two ");
  append_shared("three ");
  append("four");
  EXPECT_EQ(queue->bytes(end), 18U);
  EXPECT_EQ(send(), 18U);
  EXPECT_TRUE(queue->empty());
  EXPECT_EQ(queue->bytes(end), 0U);
  EXPECT_EQ(end.room, nullptr);
  peer->collect();
  EXPECT_EQ(peer->received, "one two three four");
}

TEST_F(outbound_queue, goes_on_where_the_kernel_stopped_and_takes_more_meanwhile) {
  start(false);
  shrink_send_buffer(socket.get());
  std::mt19937 random(1);  // NOLINT(cert-msc51-cpp): the same every time, on purpose
  std::string expected;
  std::size_t sent = 0;
  for (int round = 0; round < 3000; ++round) {
    const std::string piece(random() % 3000 + 1, static_cast<char>('a' + round % 26));
    if (random() % 4 == 0) {
      append_shared(piece);
    } else {
      append(piece);
    }
    expected += piece;
    ASSERT_EQ(queue->bytes(end), expected.size() - sent);
    if (random() % 3 == 0) {
      if (const auto went = send()) sent += *went;
      ASSERT_EQ(queue->bytes(end), expected.size() - sent);
      if (random() % 2 == 0) peer->collect();
    }
  }
  while (!queue->empty()) {
    if (const auto went = send()) sent += *went;
    peer->collect();
  }
  EXPECT_EQ(sent, expected.size());
  EXPECT_EQ(peer->received, expected);
}

TEST_F(outbound_queue, fails_with_what_the_kernel_says_and_keeps_what_it_has) {
  start(false);
  append("kept");
  peer->close();
  EXPECT_EQ(send().error(), EPIPE);
  EXPECT_EQ(queue->bytes(end), 4U);
}

TEST_F(outbound_queue, sends_one_packet_at_a_time_empty_ones_included) {
  start(true, SOCK_SEQPACKET);
  for (const char* packet : {"one", "", "three"}) append_alone(packet);
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(send(true));
  EXPECT_TRUE(queue->empty());
  for (const char* packet : {"one", "", "three"}) EXPECT_EQ(raw_receive(peer->get()).bytes, packet);
}

TEST_F(outbound_queue, drops_the_oldest_message_that_is_not_partly_sent) {
  start(true);
  for (const char* message : {"one.", "two.", "three.", "four."}) append_alone(message);
  EXPECT_TRUE(queue->drop_oldest());
  EXPECT_TRUE(queue->drop_oldest());
  EXPECT_EQ(send(), 11U);
  peer->collect();
  EXPECT_EQ(peer->received, "three.four.");
  EXPECT_FALSE(queue->drop_oldest());
}

TEST_F(outbound_queue, never_drops_the_rest_of_a_message_that_has_begun) {
  start(true);
  shrink_send_buffer(socket.get());
  const std::string large(200'000, 'x');
  append_alone(large);
  append_alone("second");
  append_alone("third");
  ASSERT_LT(*send(), large.size());
  EXPECT_TRUE(queue->drop_oldest());
  EXPECT_TRUE(queue->drop_oldest());
  EXPECT_FALSE(queue->drop_oldest());
  while (!queue->empty()) {
    (void)send();
    peer->collect();
  }
  peer->collect();
  EXPECT_EQ(peer->received, large);
}

TEST_F(outbound_queue, sends_descriptors_with_their_message_alone_and_once) {
  start(false);
  const Descriptor file = some_file();
  append("before");
  queue->seal(end);
  append_alone("with");
  std::vector<Descriptor> list;
  list.push_back(Descriptor::adopt(::dup(file.get())));
  queue->attach(std::make_unique<std::vector<Descriptor>>(std::move(list)));
  append("after");
  while (!queue->empty()) ASSERT_TRUE(send());
  const RawReception together = raw_receive(peer->get());
  EXPECT_EQ(together.bytes, "beforewith");  // the kernel stops a receive behind descriptors
  EXPECT_EQ(together.descriptors.size(), 1U);
  EXPECT_EQ(raw_receive(peer->get()).bytes, "after");
}

TEST_F(outbound_queue, closes_descriptors_of_messages_it_throws_away) {
  start(false);
  append_alone("with");
  std::vector<Descriptor> list;
  list.push_back(some_file());
  queue->attach(std::make_unique<std::vector<Descriptor>>(std::move(list)));
  queue->clear(end);
  EXPECT_TRUE(queue->empty());
}

}  // namespace
}  // namespace hallway::detail
