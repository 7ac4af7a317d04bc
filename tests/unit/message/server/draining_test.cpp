// SPDX-License-Identifier: Apache-2.0
//
// Stopping calmly: whoever was let in is answered, nobody new comes in, and time is limited.
#include <gtest/gtest.h>

#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <hallway/detail/race.hpp>
#include <hallway/server.hpp>

#include "support/faults.hpp"
#include "support/serving.hpp"

namespace hallway {
namespace {

using namespace test;

class draining : public Serving {};

/// At the second shutdown(2) of a drain: the first is the listener's.
std::function<void()> after_the_listeners(std::function<void()> action) {
  return [action = std::move(action), shutdowns = 0]() mutable {
    if (++shutdowns == 2) action();
  };
}

TEST_F(draining, ends_with_0_and_removes_the_name) {
  open(echo);
  loop.drain();
  EXPECT_EQ(loop.run(), 0);
  EXPECT_FALSE(std::filesystem::exists(path));
}

TEST_F(draining, refuses_new_clients) {
  open(echo);
  RawStream client = connect();
  ASSERT_TRUE(until_connections(1));
  client.send("half");
  loop.turn();
  loop.drain();
  EXPECT_EQ(raw_connect_error(SOCK_STREAM, path), ECONNREFUSED);
}

TEST_F(draining, answers_clients_that_wait_in_the_backlog) {
  open(echo);
  std::vector<RawStream> clients;
  for (int i = 0; i < 10; ++i) {
    clients.push_back(connect());
    clients.back().send("request " + std::to_string(i) + "\n");
  }
  loop.drain();
  EXPECT_EQ(loop.run(), 0);
  for (std::size_t i = 0; i < clients.size(); ++i) {
    clients[i].collect();
    EXPECT_EQ(clients[i].received, "request " + std::to_string(i) + "\n");
    EXPECT_TRUE(clients[i].ended);
    EXPECT_EQ(clients[i].error, 0);
  }
}

TEST_F(draining, answers_the_backlog_in_turn_when_places_are_few) {
  open(echo, {.server_limits = {.max_connections = 2}});
  std::vector<RawStream> clients;
  for (int i = 0; i < 7; ++i) {
    clients.push_back(connect());
    clients.back().send("x\n");
  }
  loop.drain();
  EXPECT_EQ(loop.run(), 0);
  for (RawStream& client : clients) {
    client.collect();
    EXPECT_EQ(client.received, "x\n");
  }
}

Task<> wait_for(Connection connection, bool& done) {
  while (!done) co_await connection.loop().sleep(1ms);
  connection.close();
}

TEST_F(draining, sleeps_while_it_waits_for_the_last_handler) {
  bool done = false;
  open([&](Connection connection) { return wait_for(std::move(connection), done); });
  const RawStream client = connect();
  ASSERT_TRUE(until_connections(1));
  loop.drain();
  const CallCount turns(sys::Call::epoll_wait);
  const auto before = Loop::Clock::now();
  while (Loop::Clock::now() - before < 50ms) loop.turn(forever);
  EXPECT_LT(turns.calls(), 200U) << "the handler alone wakes it";
  done = true;
  EXPECT_EQ(loop.run(), 0);
}

TEST_F(draining, answers_whatever_was_sent_before_sending_fails) {
  // In between our last look and the end of the connection: just before the peer is shut out.
  open(echo);
  RawStream client = connect();
  ASSERT_TRUE(until_connections(1));
  const AtCall slipped_in(sys::Call::shutdown,
                          after_the_listeners([&] { client.send("slipped in\n"); }));
  loop.drain();
  EXPECT_EQ(loop.run(), 0);
  client.collect();
  EXPECT_EQ(client.received, "slipped in\n");
  EXPECT_EQ(client.send("too late\n"), -1);
  EXPECT_EQ(errno, EPIPE);
}

TEST_F(draining, takes_no_line_that_its_own_end_cut_short) {
  std::vector<std::string> lines;
  open([&](Connection connection) -> Task<> {
    while (auto message = co_await connection.receive()) lines.push_back(message->to_owned());
  });
  RawStream client = connect();
  ASSERT_TRUE(until_connections(1));
  const AtCall slipped_in(sys::Call::shutdown,
                          after_the_listeners([&] { client.send("half a li"); }));
  loop.drain();
  EXPECT_EQ(loop.run(), 0);
  EXPECT_TRUE(lines.empty());
}

TEST_F(draining, closes_idle_connections) {
  std::optional<Outcome> end;
  open([&](Connection connection) -> Task<> {
    while (true) {
      const Received received = co_await connection.receive();
      if (received) continue;
      end = received.outcome();
      co_return;
    }
  });
  RawStream client = connect();
  ASSERT_TRUE(until_connections(1));
  loop.turn();
  loop.drain();
  EXPECT_EQ(loop.run(), 0);
  EXPECT_EQ(end, Outcome::closed);
  EXPECT_TRUE(until_ended(client));
  EXPECT_EQ(client.error, 0);
}

TEST_F(draining, answers_everything_that_had_arrived) {
  open(echo);
  RawStream client = connect();
  ASSERT_TRUE(until_connections(1));
  std::string expected;
  for (int i = 0; i < 1000; ++i) expected += "request " + std::to_string(i) + "\n";
  client.send(expected);
  loop.drain();
  EXPECT_EQ(loop.run(), 0);
  client.collect();
  EXPECT_EQ(client.received, expected);
}

TEST_F(draining, waits_for_the_rest_of_a_message_that_has_begun) {
  open(echo);
  RawStream client = connect();
  ASSERT_TRUE(until_connections(1));
  client.send("ha");
  loop.turn();
  loop.drain();
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(loop.turn());
  client.send("lf\n");
  EXPECT_EQ(loop.run(), 0);
  client.collect();
  EXPECT_EQ(client.received, "half\n");
}

TEST_F(draining, writes_what_a_slow_client_has_not_read_yet) {
  open(
      [](Connection connection) -> Task<> {
        const std::string large(900'000, 'x');
        co_await connection.send(large);
      },
      {.connection = {.limits = {.send_buffer = 0}}});
  RawStream client = connect();
  ASSERT_TRUE(until_connections(1));
  loop.drain();
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(loop.turn());
  ASSERT_TRUE(until_ended(client));
  EXPECT_EQ(client.received.size(), 900'001U);
  EXPECT_EQ(loop.run(), 0);
}

TEST_F(draining, ends_with_1_when_a_handler_takes_too_long) {
  open([](Connection /*connection*/) -> Task<> { co_await detail::Pause(forever); });
  const RawStream client = connect();
  ASSERT_TRUE(until_connections(1));
  loop.drain(5ms);
  EXPECT_EQ(loop.run(), 1);
}

TEST_F(draining, ends_with_1_when_a_client_keeps_its_message_back) {
  open(echo);
  RawStream client = connect();
  ASSERT_TRUE(until_connections(1));
  client.send("never whole");
  loop.turn();
  loop.drain(5ms);
  EXPECT_EQ(loop.run(), 1);
}

TEST_F(draining, can_be_asked_of_one_server_alone) {
  open(echo);
  auto other = Server::open(loop, directory / "other", echo);
  ASSERT_TRUE(other);
  running->drain();
  EXPECT_EQ(raw_connect_error(SOCK_STREAM, path), ENOENT);
  RawStream client(raw_connected(SOCK_STREAM, directory / "other"));
  client.send("x\n");
  EXPECT_TRUE(until_received(client, "x\n"));
  EXPECT_FALSE(loop.draining());
}

TEST_F(draining, is_over_at_once_for_a_server_opened_too_late) {
  loop.drain();
  open(echo);
  EXPECT_EQ(loop.run(), 0);
}

TEST_F(draining, leaves_an_inherited_listener_to_the_processes_that_share_it) {
  const Descriptor shared = raw_listening(SOCK_STREAM, path);
  auto opened = Server::open(loop, "fd:" + std::to_string(::dup(shared.get())), echo);
  ASSERT_TRUE(opened);
  RawStream served = connect();
  served.send("x\n");
  ASSERT_TRUE(until_received(served, "x\n"));
  RawStream queued = connect();
  loop.drain();
  EXPECT_EQ(loop.run(), 0);
  const Descriptor accepted =
      Descriptor::adopt(::accept4(shared.get(), nullptr, nullptr, SOCK_CLOEXEC));
  EXPECT_TRUE(accepted.holds_one());
  EXPECT_EQ(raw_connect_error(SOCK_STREAM, path), 0);
  EXPECT_TRUE(std::filesystem::exists(path));
}

TEST_F(draining, follows_a_signal_and_loses_no_request) {
  open(echo);
  ASSERT_TRUE(loop.drain_on({SIGTERM}));
  std::vector<RawStream> clients;
  for (int i = 0; i < 20; ++i) clients.push_back(connect());
  ASSERT_TRUE(until_connections(20));
  for (RawStream& client : clients) client.send("request\n");
  ::raise(SIGTERM);
  EXPECT_EQ(loop.run(), 0);
  for (RawStream& client : clients) {
    client.collect();
    EXPECT_EQ(client.received, "request\n");
    EXPECT_EQ(client.error, 0);
  }
}

TEST_F(draining, is_cut_short_by_a_second_signal) {
  open([](Connection connection) -> Task<> {
    const auto again = connection.loop().on_drain([] { ::raise(SIGTERM); });
    co_await detail::Pause(forever);
  });
  const RawStream client = connect();
  ASSERT_TRUE(until_connections(1));
  ASSERT_TRUE(loop.drain_on({SIGTERM}));
  ::raise(SIGTERM);
  EXPECT_EQ(loop.run(), 128 + SIGTERM);
}

}  // namespace
}  // namespace hallway
