// SPDX-License-Identifier: Apache-2.0
//
// Packets: one packet, one message, empty ones included.
#include <gtest/gtest.h>

#include <cerrno>
#include <string>
#include <vector>

#include <hallway/connection.hpp>

#include "support/conversation.hpp"
#include "support/faults.hpp"

namespace hallway {
namespace {

using namespace test;
using Messages = std::vector<std::string>;

class seqpacket : public Conversation {
 protected:
  void SetUp() override { start(SocketType::seqpacket); }

  /// The next packet at the raw end.
  std::string their_next() {
    RawReception got;
    until([&] {
      got = raw_receive(theirs->get(), 2 * mebibyte);
      return got.error != EAGAIN;
    });
    return got.result < 0 ? "error" : got.bytes;
  }
};

TEST_F(seqpacket, keeps_boundaries_in_both_directions_and_adds_nothing) {
  listen();
  for (const char* packet : {"one\n", "two", "thr\nee"}) theirs->send(packet);
  ASSERT_TRUE(until([&] { return log.messages.size() == 3; }));
  EXPECT_EQ(log.messages, (Messages{"one\n", "two", "thr\nee"}));
  for (const char* packet : {"a", "bc\n", "def"}) EXPECT_TRUE(ours->try_send(packet));
  for (const char* packet : {"a", "bc\n", "def"}) EXPECT_EQ(their_next(), packet);
}

TEST_F(seqpacket, distinguishes_empty_messages_from_the_end) {
  listen();
  for (const char* packet : {"before", "", "", "after", ""}) theirs->send(packet);
  theirs->close();
  ASSERT_TRUE(until_ended());
  EXPECT_EQ(log.messages, (Messages{"before", "", "", "after", ""}));
  EXPECT_EQ(log.end, Outcome::end_of_stream);
}

TEST_F(seqpacket, sends_empty_messages) {
  for (const char* packet : {"", "x", ""}) EXPECT_TRUE(ours->try_send(packet));
  loop.turn();
  for (const char* packet : {"", "x", ""}) {
    const RawReception got = raw_receive(theirs->get());
    EXPECT_EQ(got.result, static_cast<ssize_t>(std::string(packet).size()));
    EXPECT_EQ(got.bytes, packet);
  }
  EXPECT_EQ(raw_receive(theirs->get()).error, EAGAIN);
}

TEST_F(seqpacket, gives_everything_that_arrived_before_it_reports_a_reset) {
  theirs->send("one");
  theirs->send("two");
  say("never read");
  loop.turn();
  theirs->close();
  listen();
  ASSERT_TRUE(until_ended());
  EXPECT_EQ(log.messages, (Messages{"one", "two"}));
  EXPECT_EQ(log.end, Outcome::peer_gone);
}

TEST_F(seqpacket, reports_a_reset_also_when_a_send_noticed_it_first) {
  theirs->send("one");
  say("never read");
  loop.turn();
  theirs->close();
  say("too late");
  loop.turn();
  EXPECT_EQ(ours->try_send("hopeless").outcome(), Outcome::peer_gone);
  listen();
  ASSERT_TRUE(until_ended());
  EXPECT_EQ(log.messages, Messages{"one"});
  EXPECT_EQ(log.end, Outcome::peer_gone);
}

TEST_F(seqpacket, carries_a_message_of_nearly_the_send_buffer) {
  listen();
  const std::string large(200'000, 'x');
  ASSERT_EQ(theirs->send(large), static_cast<ssize_t>(large.size()));
  ASSERT_TRUE(until([&] { return log.messages.size() == 1; }));
  EXPECT_EQ(log.messages.front(), large);
  EXPECT_TRUE(ours->try_send(large));
  EXPECT_EQ(their_next(), large);
}

TEST_F(seqpacket, refuses_to_send_what_no_packet_can_carry_and_stays_usable) {
  const Sent sent = ours->try_send(std::string(900'000, 'x'));
  EXPECT_EQ(sent.outcome(), Outcome::failed);
  EXPECT_NE(sent.error().explain().find("900000"), std::string::npos) << sent.error().explain();
  EXPECT_FALSE(sent.error().hint.empty());
  EXPECT_TRUE(ours->try_send("small"));
  EXPECT_EQ(their_next(), "small");
}

TEST_F(seqpacket, ends_a_connection_whose_packet_is_over_the_limit_and_says_why) {
  start(SocketType::seqpacket, {.limits = {.max_message = 8}});
  listen();
  theirs->send("12345678");
  theirs->send("123456789");
  theirs->send("never");
  ASSERT_TRUE(until_ended());
  EXPECT_EQ(log.messages, Messages{"12345678"});
  EXPECT_EQ(log.end, Outcome::failed);
  EXPECT_NE(log.why.find("limit of 8"), std::string::npos) << log.why;
}

TEST_F(seqpacket, reports_a_packet_over_the_limit_also_when_a_reset_came_after_it) {
  start(SocketType::seqpacket, {.limits = {.max_message = 8}});
  theirs->send("123456789");
  say("unread");
  loop.turn();
  theirs->close();
  listen();
  ASSERT_TRUE(until_ended());
  EXPECT_EQ(log.end, Outcome::failed);
  EXPECT_NE(log.why.find("limit of 8"), std::string::npos) << log.why;
}

TEST_F(seqpacket, takes_packets_over_the_default_limit_if_configured) {
  start(SocketType::seqpacket, {.limits = {.max_message = 3 * mebibyte}});
  listen();
  const int large_buffer = 4 * 1024 * 1024;
  ::setsockopt(theirs->get(), SOL_SOCKET, SO_SNDBUFFORCE, &large_buffer, sizeof large_buffer);
  const std::string large(2 * mebibyte, 'x');
  if (theirs->send(large) < 0) GTEST_SKIP() << "only root may send packets this large";
  ASSERT_TRUE(until([&] { return log.messages.size() == 1; }));
  EXPECT_EQ(log.messages.front().size(), large.size());
}

TEST_F(seqpacket, waits_for_room_and_loses_nothing) {
  constexpr int count = 2000;
  loop.spawn([](Connection& connection) -> Task<> {
    for (int i = 0; i < count; ++i) {
      const std::string text = "packet " + std::to_string(i);
      if (const Sent sent = co_await connection.send(text); !sent) co_return;
    }
    co_await connection.flush();
    connection.close();
  }(*ours));
  int next = 0;
  ASSERT_TRUE(until([&] {
    while (true) {
      const RawReception got = raw_receive(theirs->get());
      if (got.error == EAGAIN) return false;
      if (got.result <= 0) return true;
      EXPECT_EQ(got.bytes, "packet " + std::to_string(next++));
    }
  }));
  EXPECT_EQ(next, count);
}

TEST_F(seqpacket, counts_small_and_empty_packets_against_the_limit_of_the_queue) {
  // The peer never reads; what is queued must not grow without end, though it has few bytes.
  std::size_t queued = 0;
  while (queued < 3'000'000 && ours->try_send("")) {
    if (++queued % 10'000 == 0) loop.turn();
  }
  EXPECT_LT(queued, 3'000'000U);
}

TEST_F(seqpacket, half_closes_and_goes_on_receiving) {
  listen();
  say("request");
  ours->half_close();
  EXPECT_EQ(their_next(), "request");
  EXPECT_EQ(raw_receive(theirs->get()).result, 0);
  theirs->send("answer");
  theirs->close();
  ASSERT_TRUE(until_ended());
  EXPECT_EQ(log.messages, Messages{"answer"});
}

}  // namespace
}  // namespace hallway
