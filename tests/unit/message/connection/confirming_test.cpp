// SPDX-License-Identifier: Apache-2.0
//
// Whether the peer has read what was sent: a connection's confirm() and a client's.
#include <gtest/gtest.h>

#include <sys/socket.h>

#include <optional>
#include <string>
#include <utility>

#include <hallway/hallway.hpp>

#include "support/conversation.hpp"
#include "support/faults.hpp"
#include "support/temp_directory.hpp"

namespace hallway {
namespace {

using namespace test;

class confirming : public Conversation {
 protected:
  void confirm(Duration within = 10s) {
    outcome.reset();
    loop.spawn([](Connection& connection, Duration limit, confirming& test) -> Task<> {
      const Sent sent = co_await connection.confirm(limit);
      if (!sent) test.why = sent.error().explain();
      test.outcome = sent.outcome();
    }(*ours, within, *this));
  }
  bool until_confirmed() {
    return until([this] { return outcome.has_value(); });
  }

  std::optional<Outcome> outcome;
  std::string why;
};

TEST_F(confirming, waits_until_the_peer_has_read_the_last_byte) {
  for (const SocketType type : {SocketType::stream, SocketType::seqpacket}) {
    start(type);
    say("message");
    confirm();
    loop.turn(0ms);
    EXPECT_EQ(raw_receive(theirs->get(), type == SocketType::stream ? 3 : 100).result > 0, true);
    if (type == SocketType::stream) {
      for (int i = 0; i < 3; ++i) loop.turn(10ms);
      EXPECT_FALSE(outcome) << "most of the message is unread";
      theirs->collect();
    }
    ASSERT_TRUE(until_confirmed());
    EXPECT_EQ(outcome, Outcome::ok) << why;
  }
}

TEST_F(confirming, includes_what_is_still_queued_on_this_side) {
  start();
  const std::string large(2 * mebibyte, 'x');  // more than the socket holds
  std::optional<Outcome> sent;
  loop.spawn(note_send(*ours, large.substr(0, mebibyte - 1), sent));
  confirm();
  ASSERT_TRUE(until_they_have(mebibyte));
  ASSERT_TRUE(until_confirmed());
  EXPECT_EQ(outcome, Outcome::ok) << why;
}

TEST_F(confirming, needs_no_time_where_nothing_was_sent) {
  start();
  EXPECT_EQ(loop.run(ours->confirm(0ms)).outcome(), Outcome::ok);
}

TEST_F(confirming, ends_with_its_time_and_leaves_the_connection_usable) {
  start();
  say("unread");
  confirm(5ms);
  ASSERT_TRUE(until_confirmed());
  EXPECT_EQ(outcome, Outcome::timed_out);
  theirs->collect();
  confirm();
  ASSERT_TRUE(until_confirmed());
  EXPECT_EQ(outcome, Outcome::ok) << why;
}

TEST_F(confirming, says_that_a_peer_closed_before_it_had_read_everything) {
  for (const SocketType type : {SocketType::stream, SocketType::seqpacket}) {
    start(type);
    say("unread");
    confirm();
    loop.turn(0ms);
    theirs->close();
    ASSERT_TRUE(until_confirmed());
    EXPECT_EQ(outcome, Outcome::peer_gone);
    EXPECT_NE(why.find("closed the connection before it had read everything"), std::string::npos)
        << why;
  }
}

TEST_F(confirming, holds_for_a_peer_that_read_everything_and_closed) {
  start();
  say("read");
  loop.turn(0ms);
  theirs->collect();
  theirs->close();
  confirm();
  ASSERT_TRUE(until_confirmed());
  EXPECT_EQ(outcome, Outcome::ok) << why;
}

TEST_F(confirming, leaves_an_answer_that_came_before_the_peer_closed_to_be_received) {
  start();
  say("unread");
  loop.turn(0ms);
  theirs->send("answer\n");
  theirs->close();
  confirm();
  ASSERT_TRUE(until_confirmed());
  EXPECT_EQ(outcome, Outcome::peer_gone);
  listen();
  ASSERT_TRUE(until_ended());
  EXPECT_EQ(log.messages, std::vector<std::string>{"answer"});
  EXPECT_EQ(log.end, Outcome::peer_gone);
}

TEST_F(confirming, fails_where_the_kernel_does_not_say) {
  start();
  say("x");
  loop.turn(0ms);
  const FaultOn fault(sys::Call::ioctl, 1, EINVAL);
  confirm();
  ASSERT_TRUE(until_confirmed());
  EXPECT_EQ(outcome, Outcome::failed);
  EXPECT_NE(why.find("check what was read"), std::string::npos) << why;
}

// A client without a loop, and a server that turns it away ----------------------------------------

class confirming_client : public testing::Test {
 protected:
  /// A server that admits nobody, or everybody and reads one message.
  void serve(bool admits) {
    auto opened = Server::open(loop, path,
                               [](Connection connection) -> Task<> {
                                 auto message = co_await connection.receive();
                                 EXPECT_TRUE(message);
                               },
                               {.allow = {admits ? allow::any() : allow::uid(nobody_here)}});
    ASSERT_TRUE(opened) << opened.error().explain();
    server.emplace(std::move(*opened));
  }

  static constexpr std::uint32_t nobody_here = 4'000'000'000;
  TempDirectory directory;
  std::string path = directory / "s";
  Loop loop;
  std::optional<Server> server;
};

TEST_F(confirming_client, knows_that_it_was_turned_away_after_it_had_sent) {
  serve(false);
  auto client = Client::connect(path);
  ASSERT_TRUE(client) << client.error().explain();
  ASSERT_TRUE(client->send("hello")) << "the kernel has it";
  EXPECT_EQ(client->confirm(0ms).outcome(), Outcome::timed_out);
  loop.turn(1s);
  const Sent sent = client->confirm(10s);
  EXPECT_EQ(sent.outcome(), Outcome::peer_gone);
  EXPECT_NE(sent.error().explain().find("before it had read everything"), std::string::npos)
      << sent.error().explain();
}

TEST_F(confirming_client, knows_that_it_was_turned_away_before_it_sends) {
  serve(false);
  auto client = Client::connect(path);
  ASSERT_TRUE(client) << client.error().explain();
  loop.turn(1s);
  EXPECT_EQ(client->send("hello").outcome(), Outcome::peer_gone);
  EXPECT_EQ(client->confirm(10s).outcome(), Outcome::peer_gone);
}

TEST_F(confirming_client, knows_that_the_server_has_read_its_message) {
  serve(true);
  auto client = Client::connect(path);
  ASSERT_TRUE(client) << client.error().explain();
  ASSERT_TRUE(client->send("hello"));
  client->half_close();
  for (int i = 0; i < 3; ++i) loop.turn(100ms);
  EXPECT_EQ(client->confirm(10s).outcome(), Outcome::ok);
}

TEST_F(confirming_client, has_nothing_to_confirm_once_closed) {
  serve(true);
  auto client = Client::connect(path);
  ASSERT_TRUE(client) << client.error().explain();
  client->close();
  EXPECT_EQ(client->confirm(10s).outcome(), Outcome::closed);
}

}  // namespace
}  // namespace hallway
