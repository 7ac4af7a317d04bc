// SPDX-License-Identifier: Apache-2.0
//
// take_buffered(): what it gives beside the message of the last receive, from a connection on a
// loop and from a blocking client.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <hallway/client.hpp>
#include <hallway/connection.hpp>
#include <hallway/limits.hpp>

#include "support/conversation.hpp"

namespace hallway {
namespace {

using namespace test;
using namespace std::string_literals;
using Messages = std::vector<std::string>;

std::string numbered_lines(std::size_t count) {
  std::string lines;
  for (std::size_t i = 0; i < count; ++i) lines += std::to_string(i) + '\n';
  return lines;
}

/// Either side, behind one set of functions.
class taking_buffered : public Conversation, public testing::WithParamInterface<bool> {
 protected:
  void start(SocketType type = SocketType::stream, ConnectionOptions options = {}) {
    if (!GetParam()) return Conversation::start(type, std::move(options));
    auto [near, far] = raw_pair(type == SocketType::stream ? SOCK_STREAM : SOCK_SEQPACKET);
    auto adopted = Client::adopt(std::move(near), std::move(options));
    ASSERT_TRUE(adopted) << adopted.error().explain();
    client.emplace(std::move(*adopted));
    theirs.emplace(std::move(far));
  }

  Received receive() {
    if (client) return client->receive(patience);
    return loop.run([](Connection& connection) -> Task<Received> {
      Received received = co_await connection.receive(patience);
      co_return received;
    }(*ours));
  }

  /// The messages that one call gives.
  Messages take(std::size_t room = 64) {
    std::vector<Message> taken(room);
    const std::size_t count = client ? client->take_buffered(taken) : ours->take_buffered(taken);
    EXPECT_LE(count, room);
    Messages messages;
    for (const Message& message : std::span(taken).first(count)) {
      EXPECT_TRUE(message.descriptors().empty());
      messages.push_back(message.to_owned());
    }
    return messages;
  }

  std::optional<Client> client;
};

INSTANTIATE_TEST_SUITE_P(from, taking_buffered, testing::Bool(),
                         [](const auto& param) { return param.param ? "client" : "connection"; });

TEST_P(taking_buffered, gives_what_came_with_the_message_of_the_last_receive) {
  start();
  theirs->send("one\ntwo\r\n\nfour\npart");
  const Received first = receive();
  ASSERT_TRUE(first);
  EXPECT_EQ(take(), (Messages{"two", "", "four"}));
  EXPECT_EQ(take(), Messages());
  EXPECT_EQ(*first, "one");  // still valid
  theirs->send("ial\n");
  EXPECT_EQ(take(), Messages());  // it does not read
  EXPECT_EQ(*receive(), "partial");
  EXPECT_EQ(take(), Messages());
}

TEST_P(taking_buffered, fills_the_room_and_leaves_the_rest) {
  start();
  theirs->send("one\ntwo\nthree\nfour\n");
  EXPECT_EQ(*receive(), "one");
  EXPECT_EQ(take(0), Messages());
  EXPECT_EQ(take(2), (Messages{"two", "three"}));
  EXPECT_EQ(*receive(), "four");
}

TEST_P(taking_buffered, understands_every_framing) {
  const std::vector<std::pair<Framing, std::string>> streams{
      {Framing::lines(), "a\nbc\nd"},
      {Framing::null(), "a\0bc\0d"s},
      {Framing::len32be(), "\0\0\0\1a\0\0\0\2bc\0\0"s},
      {Framing::len32le(), "\1\0\0\0a\2\0\0\0bc\1\0\0\0"s},
      {Framing::raw(2), "a_bc"s},
  };
  for (const auto& [framing, bytes] : streams) {
    start(SocketType::stream, {.framing = framing});
    theirs->send(bytes);
    EXPECT_TRUE(receive()->bytes().starts_with("a")) << framing.to_string();
    EXPECT_EQ(take(), Messages{"bc"}) << framing.to_string();
  }
}

TEST_P(taking_buffered, gives_the_same_messages_as_receiving_each) {
  start();
  const std::size_t count = 5000;
  const std::string lines = numbered_lines(count);
  theirs->send(lines);
  std::string received;
  std::size_t messages = 0;
  while (messages < count) {
    const Received first = receive();
    ASSERT_TRUE(first);
    received += first->to_owned() + '\n';
    ++messages;
    for (const std::string& message : take()) {
      received += message + '\n';
      ++messages;
    }
  }
  EXPECT_EQ(received, lines);
  EXPECT_EQ(client ? client->counters().messages_received : ours->counters().messages_received,
            count);
}

TEST_P(taking_buffered, gives_what_came_before_the_end_and_leaves_the_end_to_receive) {
  start();
  theirs->send("one\ntwo\nlast");
  theirs->close();
  EXPECT_EQ(*receive(), "one");
  EXPECT_EQ(take(), Messages{"two"});
  EXPECT_EQ(*receive(), "last");  // without its line feed
  EXPECT_EQ(take(), Messages());
  EXPECT_EQ(receive().outcome(), Outcome::end_of_stream);
  EXPECT_EQ(take(), Messages());
}

TEST_P(taking_buffered, stops_before_a_message_that_is_too_large) {
  start(SocketType::stream, {.limits = {.max_message = 4}});
  theirs->send("one\ntwo\ntoo large\nfour\n");
  EXPECT_EQ(*receive(), "one");
  EXPECT_EQ(take(), Messages{"two"});
  EXPECT_EQ(receive().outcome(), Outcome::failed);
  EXPECT_EQ(take(), Messages());
}

TEST_P(taking_buffered, gives_no_packets) {
  start(SocketType::seqpacket);
  theirs->send("one");
  theirs->send("two");
  EXPECT_EQ(*receive(), "one");
  EXPECT_EQ(take(), Messages());
  EXPECT_EQ(*receive(), "two");
}

TEST_P(taking_buffered, gives_nothing_where_descriptors_are_accepted) {
  start(SocketType::stream, {.descriptors = 1});
  theirs->send("one\ntwo\n");
  EXPECT_EQ(*receive(), "one");
  EXPECT_EQ(take(), Messages());
  EXPECT_EQ(*receive(), "two");
}

TEST_P(taking_buffered, uses_the_framing_that_was_set_meanwhile) {
  start();
  theirs->send("one\ntwo\nraw\n");
  EXPECT_EQ(*receive(), "one");
  if (client) {
    client->set_framing(Framing::null(), Framing::null());
  } else {
    ours->set_framing(Framing::null(), Framing::null());
  }
  EXPECT_EQ(take(), Messages());
  theirs->send("\0"s);
  EXPECT_EQ(*receive(), "two\nraw\n");
}

TEST_P(taking_buffered, gives_nothing_once_it_is_closed) {
  start();
  theirs->send("one\ntwo\n");
  EXPECT_EQ(*receive(), "one");
  client ? client->close() : ours->close();
  EXPECT_EQ(take(), Messages());
}

TEST_P(taking_buffered, fills_a_large_room_from_a_client) {
  start();
  theirs->send(numbered_lines(1000));
  EXPECT_EQ(*receive(), "0");
  const std::size_t taken = take(1000).size();
  // A task on a loop looks at the clock in between.
  EXPECT_EQ(taken, client ? 999U : bounds::messages_between_looks - 1);
}

// The task that takes batches has used up its share of the turn: others go on before it does.
TEST(taking_buffered_of_a_task, lets_other_tasks_run) {
  Loop loop;
  auto [near, far] = raw_pair(SOCK_STREAM);
  auto ours = Connection::adopt(loop, std::move(near));
  const std::size_t count = 2000;
  raw_send(far.get(), numbered_lines(count));
  std::size_t taken = 0;
  bool other_ran = false;
  std::size_t taken_before_other = 0;
  loop.spawn([&]() -> Task<> {
    while (taken < count) {
      const Received first = co_await ours->receive(patience);
      if (!first) co_return;
      if (taken == 0) {
        loop.post([&] {
          other_ran = true;
          taken_before_other = taken;
        });
      }
      std::array<Message, 64> room;
      taken += 1 + ours->take_buffered(room);
      work_for(2 * bounds::turn_share);
    }
  });
  EXPECT_TRUE(run_until(loop, [&] { return taken == count; }));
  EXPECT_TRUE(other_ran);
  EXPECT_LE(taken_before_other, 2 * bounds::messages_between_looks);
}

class taking_buffered_by_a_function : public Conversation {};

TEST_F(taking_buffered_by_a_function, gives_at_most_as_many_as_asked) {
  start();
  theirs->send("one\ntwo\n\nfour\nfive\npart");
  const Received first = loop.run([](Connection& connection) -> Task<Received> {
    Received received = co_await connection.receive(patience);
    co_return received;
  }(*ours));
  ASSERT_TRUE(first);
  Messages messages;
  const auto keep = [&](const Message& message) { messages.push_back(message.to_owned()); };
  EXPECT_EQ(ours->take_buffered(3, keep), 3U);
  EXPECT_EQ(messages, (Messages{"two", "", "four"}));
  EXPECT_EQ(ours->take_buffered(3, keep), 1U);
  EXPECT_EQ(ours->take_buffered(3, keep), 0U);
  EXPECT_EQ(messages, (Messages{"two", "", "four", "five"}));
  EXPECT_EQ(first->bytes(), "one");
}

}  // namespace
}  // namespace hallway
