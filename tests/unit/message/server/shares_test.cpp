// SPDX-License-Identifier: Apache-2.0
//
// What the connections of one uid may make a server keep, together.
#include <gtest/gtest.h>

#include <sys/ioctl.h>

#include <string>
#include <vector>

#include <hallway/server.hpp>

#include "support/serving.hpp"

namespace hallway {
namespace {

using namespace test;

class shares_of_a_server : public Serving {
 protected:
  void broadcast(const std::string& message) {
    loop.run([](Server& from, const std::string& text) -> Task<> { co_await from.broadcast(text); }(
                                                           *running, message));
  }
};

TEST_F(shares_of_a_server, end_the_connection_whose_message_does_not_fit_and_no_other) {
  open(ignore, {.server_limits = {.max_memory_per_uid = 600 * kibibyte}});
  std::vector<RawStream> clients;
  for (int i = 0; i < 4; ++i) clients.push_back(connect());
  ASSERT_TRUE(until_connections(4));
  const std::string part(150 * kibibyte, 'x');
  for (const RawStream& client : clients) {
    client.send(part);
    for (int i = 0; i < 10; ++i) loop.turn(1ms);
  }
  // Each has a part of a message, which counts for what is read at once: 256 KiB.
  for (const RawStream& client : clients) client.send(part);
  EXPECT_TRUE(until([&] { return count(Kind::closed) >= 1; }));
  EXPECT_EQ(reason(Kind::closed), "the message does not fit into the uid's share of memory");
  EXPECT_GT(running->connections(), 0U);
  RawStream other = connect();
  EXPECT_TRUE(until([&] { return running->connections() > 0; }));
  for (std::size_t i = 0; i < clients.size(); ++i) clients[i].close();
  EXPECT_TRUE(until_connections(1));
  // All was given back: a message as large as one may be is taken now.
  other.send(part);
  for (int i = 0; i < 20; ++i) loop.turn(1ms);
  other.send(part + "\n");
  for (int i = 0; i < 20; ++i) loop.turn(1ms);
  EXPECT_EQ(running->connections(), 1U);
}

TEST_F(shares_of_a_server, disconnect_a_client_that_reads_nothing_when_they_are_used_up) {
  open(ignore, {.connection = {.limits = {.send_buffer = 0}},
                .server_limits = {.max_memory_per_uid = 2 * mebibyte}});
  RawStream reads = connect();
  std::vector<RawStream> deaf;
  for (int i = 0; i < 8; ++i) deaf.push_back(connect());
  ASSERT_TRUE(until_connections(9));
  const std::string message(100'000, 'x');
  for (int i = 0; i < 40; ++i) {
    broadcast(message);
    loop.turn(1ms);
    reads.collect();
  }
  // Alone each could have eight mebibytes waiting.
  EXPECT_GT(count(Kind::closed), 0U);
  EXPECT_EQ(reason(Kind::closed),
            "the peer reads too slowly: its uid has used its share of memory");
  EXPECT_TRUE(until([&] {
    reads.collect();
    return reads.received.size() == 40 * (message.size() + 1);
  }));
}

TEST_F(shares_of_a_server, lose_messages_rather_than_connections_where_they_are_to) {
  for (const OverflowPolicy policy : {OverflowPolicy::drop_newest, OverflowPolicy::drop_oldest}) {
    open(ignore, {.connection = {.limits = {.send_buffer = 0}, .overflow = policy},
                  .server_limits = {.max_memory_per_uid = 2 * mebibyte}});
    std::vector<RawStream> deaf;
    for (int i = 0; i < 8; ++i) deaf.push_back(connect());
    ASSERT_TRUE(until_connections(8));
    for (int i = 0; i < 40; ++i) {
      broadcast(std::string(100'000, 'x'));
      loop.turn(1ms);
    }
    EXPECT_EQ(running->connections(), 8U);
    EXPECT_EQ(count(Kind::closed), 0U);
    deaf.clear();
    EXPECT_TRUE(until([&] { return count(Kind::closed) == 8; }));
    std::uint64_t dropped = 0;
    for (const ServerEvent& event : events) dropped += event.counters.dropped;
    // Each had room for ten messages: most of these could not even be kept.
    EXPECT_GT(dropped, 8U * (40 - 10));
    running.reset();
    events.clear();
  }
}

TEST_F(shares_of_a_server, let_a_sender_wait_and_disconnect_the_client_it_waits_for) {
  open(
      [](Connection connection) -> Task<> {
        const std::string message(10'000, 'x');
        bool sent = true;
        while (sent) sent = static_cast<bool>(co_await connection.send(message));
      },
      {.connection = {.limits = {.outbound_soft_time = 50ms, .send_buffer = 0}},
       .server_limits = {.max_memory_per_uid = 100 * kibibyte}});
  const RawStream deaf = connect();
  EXPECT_TRUE(until([&] { return count(Kind::closed) == 1; }));
  EXPECT_EQ(reason(Kind::closed),
            "the peer reads too slowly: the outbound queue stayed over its soft limit");
}

TEST_F(shares_of_a_server, are_reported_to_clients_that_are_turned_away) {
  open(ignore,
       {.server_limits = {.max_connections_per_uid = 1}, .refusal_text = [](std::uint64_t number) {
          return "too many, number " + std::to_string(number);
        }});
  RawStream first = connect();
  RawStream second = connect();
  second.send("sent before it is refused\n");
  EXPECT_TRUE(until_ended(second));
  EXPECT_EQ(second.received, "too many, number 2");
  EXPECT_EQ(running->connections(), 1U);
  EXPECT_EQ(count(Kind::turned_away), 1U);
}

TEST_F(shares_of_a_server, leave_the_kernels_buffer_as_it_is_where_no_larger_ones_are_left) {
  open(
      [](Connection connection) -> Task<> {
        const std::string message(100'000, 'x');
        bool sent = true;
        while (sent) sent = static_cast<bool>(co_await connection.send(message));
      },
      {.server_limits = {.send_buffers = 3 * mebibyte}});
  // How much is taken of what nobody reads tells how large the buffer is.
  std::vector<RawStream> deaf;
  for (int i = 0; i < 2; ++i) deaf.push_back(connect());
  ASSERT_TRUE(until_connections(2));
  for (int i = 0; i < 50; ++i) loop.turn(1ms);
  std::vector<int> unread;
  for (const RawStream& client : deaf) {
    int bytes = 0;
    EXPECT_EQ(::ioctl(client.get(), FIONREAD, &bytes), 0);
    unread.push_back(bytes);
  }
  EXPECT_GT(unread[0], 500'000);
  EXPECT_LT(unread[1], 300'000);
}

}  // namespace
}  // namespace hallway
