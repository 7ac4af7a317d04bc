// SPDX-License-Identifier: Apache-2.0
//
// One message to many connections, and what becomes of those that do not keep up.
#include <gtest/gtest.h>

#include <malloc.h>

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <hallway/server.hpp>

#include "support/faults.hpp"
#include "support/serving.hpp"

namespace hallway {
namespace {

using namespace test;

class broadcasting : public Serving {
 protected:
  /// A server whose clients only listen; the test broadcasts.
  void open_listeners(ServerOptions options = {}) { open(ignore, std::move(options)); }

  void broadcast(const std::string& message) {
    loop.run([](Server& from, const std::string& text) -> Task<> { co_await from.broadcast(text); }(
                                                           *running, message));
  }

  /// A message of `size` bytes on the wire that begins with its number.
  static std::string numbered(std::size_t number, std::size_t size) {
    std::string message = std::to_string(number) + ":";
    message.resize(size - 1, '.');
    return message;
  }

  /// The numbers of such messages, in order.
  static std::vector<std::size_t> numbers_in(std::string_view bytes, std::size_t size) {
    EXPECT_EQ(bytes.size() % size, 0U);
    std::vector<std::size_t> numbers;
    for (std::size_t at = 0; at + size <= bytes.size(); at += size) {
      numbers.push_back(std::stoul(std::string(bytes.substr(at, 20))));
    }
    return numbers;
  }

  /// Reads until nothing more comes.
  bool until_quiet(RawStream& client) {
    return until([&] {
      const std::size_t before = client.received.size();
      client.collect();
      for (int i = 0; i < 3; ++i) loop.turn();
      client.collect();
      return client.received.size() == before;
    });
  }

  [[nodiscard]] std::uint64_t dropped_by_the_only_client() {
    events.clear();
    loop.drain();
    EXPECT_TRUE(until([&] { return count(Kind::closed) == 1; }));
    return events.empty() ? 0 : events.back().counters.dropped;
  }
};

TEST_F(broadcasting, reaches_every_connection_but_the_sender) {
  open([](Connection connection) -> Task<> {
    while (auto message = co_await connection.receive()) co_await connection.broadcast(*message);
  });
  std::vector<RawStream> clients;
  for (int i = 0; i < 5; ++i) clients.push_back(connect());
  ASSERT_TRUE(until_connections(5));
  clients[0].send("from the first\n");
  clients[1].send("from the second\n");
  for (std::size_t i = 2; i < 5; ++i) {
    EXPECT_TRUE(until_received(clients[i], "from the first\nfrom the second\n"));
  }
  EXPECT_TRUE(until_received(clients[0], "from the second\n"));
  EXPECT_TRUE(until_received(clients[1], "from the first\n"));
}

TEST_F(broadcasting, reaches_every_connection_from_the_server) {
  open_listeners();
  std::vector<RawStream> clients;
  for (int i = 0; i < 3; ++i) clients.push_back(connect());
  ASSERT_TRUE(until_connections(3));
  broadcast("to all");
  for (RawStream& client : clients) EXPECT_TRUE(until_received(client, "to all\n"));
}

TEST_F(broadcasting, keeps_packets_apart) {
  open_listeners({.type = SocketType::seqpacket});
  const RawStream client = connect();
  ASSERT_TRUE(until_connections(1));
  for (const char* packet : {"one", "", "three"}) broadcast(packet);
  loop.turn();
  for (const char* packet : {"one", "", "three"}) {
    const RawReception got = raw_receive(client.get());
    EXPECT_EQ(got.error, 0);
    EXPECT_EQ(got.bytes, packet);
  }
}

TEST_F(broadcasting, spares_connections_whose_socket_cannot_carry_the_packet) {
  open_listeners({.type = SocketType::seqpacket});
  const RawStream client = connect();
  ASSERT_TRUE(until_connections(1));
  broadcast(std::string(512 * kibibyte, 'x'));
  broadcast("still here");
  loop.turn();
  EXPECT_EQ(raw_receive(client.get()).bytes, "still here");
  EXPECT_EQ(dropped_by_the_only_client(), 1U);
}

TEST_F(broadcasting, speaks_to_each_connection_in_its_own_framing) {
  open([](Connection connection) -> Task<> {
    while (auto message = co_await connection.receive()) {
      if (message->bytes() == "null") connection.set_framing(Framing::lines(), Framing::null());
    }
  });
  RawStream plain = connect();
  RawStream switched = connect();
  switched.send("null\n");
  ASSERT_TRUE(until_connections(2));
  loop.turn();
  loop.turn();
  broadcast("hi");
  EXPECT_TRUE(until_received(plain, "hi\n"));
  EXPECT_TRUE(until_received(switched, std::string("hi\0", 3)));
}

TEST_F(broadcasting, keeps_its_order_among_other_messages) {
  open([](Connection connection) -> Task<> {
    co_await connection.send("before");
    while (auto message = co_await connection.receive()) co_await connection.send(*message);
  });
  RawStream client = connect();
  ASSERT_TRUE(until_connections(1));
  broadcast("broadcast 1");
  broadcast("broadcast 2");
  ASSERT_TRUE(until_received(client, "before\nbroadcast 1\nbroadcast 2\n"));
  client.send("after\n");
  EXPECT_TRUE(until_received(client, "before\nbroadcast 1\nbroadcast 2\nafter\n"));
}

TEST_F(broadcasting, goes_nowhere_from_a_connection_of_no_server) {
  auto pair = Connection::pair(loop);
  loop.run([](Connection& connection) -> Task<> {
    co_await connection.broadcast("to nobody");
  }(pair->first));
  EXPECT_EQ(pair->second.try_receive().outcome(), Outcome::would_block);
}

TEST_F(broadcasting, shares_one_copy_between_a_hundred_connections) {
  constexpr std::size_t size = 900'000;
  open_listeners();
  std::vector<RawStream> clients;
  for (int i = 0; i < 100; ++i) clients.push_back(connect());
  ASSERT_TRUE(until_connections(100));
  const auto allocated = [] {
    const auto info = ::mallinfo2();
    return info.uordblks + info.hblkhd;
  };
  const std::string message(size, 'x');
  const std::size_t before = allocated();
  broadcast(message);
  if (allocated() == before) GTEST_SKIP() << "another allocator counts here (a sanitizer's)";
  EXPECT_LT(allocated() - before, 2 * size);
  std::size_t whole = 0;
  ASSERT_TRUE(until([&] {
    whole = 0;
    for (RawStream& client : clients) {
      client.collect();
      whole += client.received.size() == size + 1 ? 1U : 0U;
    }
    return whole == clients.size();
  }));
}

// When a queue is full ----------------------------------------------------------------------------

constexpr std::size_t message_size = 10'000;

TEST_F(broadcasting, disconnects_a_client_over_its_hard_limit_and_spares_the_others) {
  open_listeners({.connection = {.limits = {.send_buffer = 0, .outbound_hard = 500'000}}});
  RawStream slow = connect();
  RawStream fast = connect();
  ASSERT_TRUE(until_connections(2));
  std::size_t sent = 0;
  ASSERT_TRUE(until([&] {
    broadcast(numbered(sent++, message_size));
    fast.collect();
    return running->connections() == 1;
  }));
  EXPECT_NE(reason(Kind::closed).find("hard limit"), std::string::npos) << reason(Kind::closed);
  EXPECT_LT(sent * message_size, 500'000U + 500'000U);  // the queue, and what the kernel holds
  ASSERT_TRUE(until_quiet(fast));
  EXPECT_EQ(numbers_in(fast.received, message_size).size(), sent);
  EXPECT_TRUE(until_ended(slow));
}

TEST_F(broadcasting, disconnects_a_client_over_its_soft_limit_for_too_long) {
  open_listeners(
      {.connection = {
           .limits = {.outbound_soft = 50'000, .outbound_soft_time = 5ms, .send_buffer = 0}}});
  RawStream slow = connect();
  ASSERT_TRUE(until_connections(1));
  for (std::size_t i = 0; i < 50; ++i) broadcast(numbered(i, message_size));
  EXPECT_TRUE(until_connections(0));
  EXPECT_NE(reason(Kind::closed).find("soft limit"), std::string::npos) << reason(Kind::closed);
}

TEST_F(broadcasting, drops_the_newest_messages_and_counts_each) {
  open_listeners({.connection = {.limits = {.outbound_soft = 100'000},
                                 .overflow = OverflowPolicy::drop_newest}});
  RawStream slow = connect();
  ASSERT_TRUE(until_connections(1));
  constexpr std::size_t sent = 100;
  for (std::size_t i = 0; i < sent; ++i) broadcast(numbered(i, message_size));
  ASSERT_TRUE(until_quiet(slow));
  const auto numbers = numbers_in(slow.received, message_size);
  ASSERT_LT(numbers.size(), sent);
  for (std::size_t i = 0; i < numbers.size(); ++i) EXPECT_EQ(numbers[i], i);
  EXPECT_EQ(dropped_by_the_only_client(), sent - numbers.size());
}

TEST_F(broadcasting, drops_the_oldest_messages_and_counts_each) {
  open_listeners({.connection = {.limits = {.outbound_soft = 100'000},
                                 .overflow = OverflowPolicy::drop_oldest}});
  RawStream slow = connect();
  ASSERT_TRUE(until_connections(1));
  constexpr std::size_t sent = 100;
  for (std::size_t i = 0; i < sent; ++i) broadcast(numbered(i, message_size));
  ASSERT_TRUE(until_quiet(slow));
  const auto numbers = numbers_in(slow.received, message_size);
  ASSERT_LT(numbers.size(), sent);
  // Whole messages only, in order, and the latest are all there.
  for (std::size_t i = 1; i < numbers.size(); ++i) EXPECT_LT(numbers[i - 1], numbers[i]);
  for (std::size_t i = 0; i < 9; ++i) EXPECT_EQ(numbers[numbers.size() - 1 - i], sent - 1 - i);
  EXPECT_EQ(dropped_by_the_only_client(), sent - numbers.size());
}

TEST_F(broadcasting, drops_nothing_where_there_is_room) {
  for (const OverflowPolicy policy : {OverflowPolicy::drop_oldest, OverflowPolicy::drop_newest,
                                      OverflowPolicy::wait, OverflowPolicy::disconnect}) {
    open_listeners({.connection = {.overflow = policy}});
    RawStream client = connect();
    ASSERT_TRUE(until_connections(1));
    for (std::size_t i = 0; i < 10; ++i) broadcast(numbered(i, message_size));
    ASSERT_TRUE(until_quiet(client));
    EXPECT_EQ(numbers_in(client.received, message_size).size(), 10U);
    running.reset();
  }
}

TEST_F(broadcasting, waits_for_a_slow_client_and_loses_nothing) {
  open_listeners({.connection = {.limits = {.outbound_soft = 50'000, .send_buffer = 0},
                                 .overflow = OverflowPolicy::wait}});
  RawStream slow = connect();
  RawStream fast = connect();
  ASSERT_TRUE(until_connections(2));
  constexpr std::size_t total = 200;
  std::size_t sent = 0;
  loop.spawn([](Server& from, std::size_t& count) -> Task<> {
    for (; count < total; ++count) {
      const std::string message = numbered(count, message_size);
      co_await from.broadcast(message);
    }
  }(*running, sent));
  for (int i = 0; i < 50; ++i) {
    fast.collect();
    loop.turn();
  }
  EXPECT_LT(sent, total);
  ASSERT_TRUE(until([&] {
    slow.collect();
    fast.collect();
    return slow.received.size() == total * message_size &&
           fast.received.size() == total * message_size;
  }));
  EXPECT_EQ(numbers_in(slow.received, message_size).back(), total - 1);
}

TEST_F(broadcasting, waits_no_longer_for_a_client_that_has_gone) {
  open_listeners({.connection = {.limits = {.outbound_soft = 50'000, .send_buffer = 0},
                                 .overflow = OverflowPolicy::wait}});
  RawStream slow = connect();
  ASSERT_TRUE(until_connections(1));
  bool done = false;
  loop.spawn([](Server& from, bool& flag) -> Task<> {
    for (std::size_t i = 0; i < 200; ++i) {
      const std::string message = numbered(i, message_size);
      co_await from.broadcast(message);
    }
    flag = true;
  }(*running, done));
  for (int i = 0; i < 20; ++i) loop.turn();
  EXPECT_FALSE(done);
  slow.close();
  EXPECT_TRUE(until([&] { return done; }));
}

TEST_F(broadcasting, waits_no_longer_than_the_soft_time_of_a_client_that_never_reads) {
  open_listeners(
      {.connection = {
           .limits = {.outbound_soft = 50'000, .outbound_soft_time = 5ms, .send_buffer = 0},
           .overflow = OverflowPolicy::wait}});
  const RawStream slow = connect();
  ASSERT_TRUE(until_connections(1));
  bool done = false;
  loop.spawn([](Server& from, bool& flag) -> Task<> {
    for (std::size_t i = 0; i < 200; ++i) {
      const std::string message = numbered(i, message_size);
      co_await from.broadcast(message);
    }
    flag = true;
  }(*running, done));
  EXPECT_TRUE(until([&] { return done; }));
  EXPECT_TRUE(until_connections(0));
}

TEST_F(broadcasting, survives_clients_that_leave_in_the_middle) {
  open(
      [](Connection connection) -> Task<> {
        while (auto message = co_await connection.receive())
          co_await connection.broadcast(*message);
      },
      {.connection = {.limits = {.outbound_hard = 50'000}}});
  std::vector<RawStream> clients;
  for (int i = 0; i < 20; ++i) clients.push_back(connect());
  ASSERT_TRUE(until_connections(20));
  for (int round = 0; round < 200; ++round) {
    clients[0].send(std::string(5000, 'x') + "\n");
    if (round % 10 == 0 && clients.size() > 5) clients.pop_back();
    loop.turn();
  }
  EXPECT_TRUE(until([&] { return running->connections() >= 1; }));
}

// Many in one turn -------------------------------------------------------------------------------

/// Connections that stay as they are, held by their handlers.
class batched_broadcasting : public broadcasting {
 protected:
  void open_held(ServerOptions options = {}) {
    open(
        [this](Connection connection) -> Task<> {
          held.push_back(&connection);
          co_await loop.sleep(forever);
        },
        std::move(options));
    for (int i = 0; i < 3; ++i) clients.push_back(connect());
    ASSERT_TRUE(until_connections(3));
  }
  /// From the first connection, as a busy handler does.
  void say_in_one_turn(const std::vector<std::string>& messages) {
    loop.run([](Connection& from, const std::vector<std::string>& all) -> Task<> {
      for (const std::string& message : all) co_await from.broadcast(message);
    }(*held[0], messages));
  }

  std::vector<Connection*> held;
  std::vector<RawStream> clients;
};

TEST_F(batched_broadcasting, takes_one_write_for_each_listener) {
  for (const OverflowPolicy policy : {OverflowPolicy::wait, OverflowPolicy::disconnect}) {
    held.clear();
    clients.clear();
    running.reset();
    open_held({.connection = {.overflow = policy}});
    const std::vector<std::string> messages(500, "a message");
    const CallCount writes(sys::Call::sendmsg);
    say_in_one_turn(messages);
    loop.turn();
    EXPECT_EQ(writes.calls(), 2U);
    for (int i = 1; i < 3; ++i) {
      clients[static_cast<std::size_t>(i)].collect();
      EXPECT_EQ(clients[static_cast<std::size_t>(i)].received.size(), messages.size() * 10);
    }
    EXPECT_EQ(held[1]->counters().messages_sent, messages.size());
    EXPECT_EQ(held[0]->counters().messages_sent, 0U);
  }
}

TEST_F(batched_broadcasting, keeps_the_order_with_what_a_connection_sends_itself) {
  open_held();
  loop.run([](std::vector<Connection*>& all) -> Task<> {
    co_await all[0]->broadcast("1");
    co_await all[0]->broadcast("2");
    co_await all[1]->send("own");
    co_await all[0]->broadcast("3");
    co_await all[0]->broadcast("4");
    co_await all[2]->broadcast("from another");
    co_await all[0]->broadcast("5");
  }(held));
  EXPECT_TRUE(until_received(clients[1], "1\n2\nown\n3\n4\nfrom another\n5\n"));
  EXPECT_TRUE(until_received(clients[2], "1\n2\n3\n4\n5\n"));
  EXPECT_TRUE(until_received(clients[0], "from another\n"));
}

TEST_F(batched_broadcasting, is_visible_in_each_queue) {
  open_held();
  loop.run([](std::vector<Connection*>& all) -> Task<> {
    for (int i = 0; i < 10; ++i) co_await all[0]->broadcast("123456789");
    EXPECT_EQ(all[1]->unsent_bytes(), 100U);
    EXPECT_EQ(all[2]->counters().messages_sent, 10U);
  }(held));
}

TEST_F(batched_broadcasting, comes_before_the_end_of_a_connection_that_is_closed) {
  open_held();
  loop.run([](std::vector<Connection*>& all) -> Task<> {
    for (int i = 0; i < 3; ++i) co_await all[0]->broadcast("hi");
    all[1]->half_close();
    all[2]->close();
    all[0]->close();
  }(held));
  EXPECT_TRUE(until_received(clients[1], "hi\nhi\nhi\n"));
  EXPECT_TRUE(until_received(clients[2], "hi\nhi\nhi\n"));
  EXPECT_TRUE(until_ended(clients[1]));
}

TEST_F(batched_broadcasting, reaches_each_in_the_framing_it_asked_for_from_then_on) {
  open_held();
  loop.run([](std::vector<Connection*>& all) -> Task<> {
    co_await all[0]->broadcast("1");
    co_await all[0]->broadcast("2");
    all[1]->set_framing(Framing::null(), Framing::null());
    co_await all[0]->broadcast("3");
    co_await all[0]->broadcast("4");
  }(held));
  EXPECT_TRUE(until_received(clients[1], std::string("1\n2\n3\0"
                                                     "4\0",
                                                     8)));
  EXPECT_TRUE(until_received(clients[2], "1\n2\n3\n4\n"));
}

TEST_F(batched_broadcasting, is_delivered_before_the_server_ends) {
  open_held();
  loop.run([](std::vector<Connection*>& all, std::optional<Server>& server) -> Task<> {
    for (int i = 0; i < 3; ++i) co_await all[0]->broadcast("last");
    server.reset();
  }(held, running));
  EXPECT_TRUE(until_received(clients[1], "last\nlast\nlast\n"));
}

TEST_F(batched_broadcasting, goes_on_in_another_chunk_when_one_is_full) {
  open_held();
  std::vector<std::string> messages;
  for (std::size_t i = 0; i < 3000; ++i) messages.push_back(numbered(i, 100));
  say_in_one_turn(messages);
  ASSERT_TRUE(until([this] {
    clients[1].collect();
    return clients[1].received.size() == 300'000;
  }));
  EXPECT_EQ(numbers_in(clients[1].received, 100).back(), 2999U);
}

TEST_F(batched_broadcasting, skips_clients_that_have_half_closed) {
  open_held();
  loop.run([](std::vector<Connection*>& all) -> Task<> {
    all[1]->half_close();
    co_await all[0]->broadcast("1");
    co_await all[0]->broadcast("2");
  }(held));
  EXPECT_TRUE(until_received(clients[2], "1\n2\n"));
  EXPECT_TRUE(until_ended(clients[1]));
  EXPECT_EQ(clients[1].received, "");
}

TEST_F(batched_broadcasting, keeps_the_order_if_the_program_uses_a_connection_during_the_delivery) {
  const std::vector<std::function<void(Connection&)>> uses = {
      [](Connection& one) { EXPECT_EQ(one.unsent_bytes(), 2U); },
      [](Connection& one) { EXPECT_TRUE(one.try_send("x")); }};
  for (const auto& use : uses) {
    held.clear();
    clients.clear();
    running.reset();
    open_held({.connection = {.limits = {.outbound_hard = 20}}});
    on_event = [&](const ServerEvent& event) {
      if (event.kind == Kind::closed) use(*held[1]);
    };
    loop.run([](std::vector<Connection*>& all) -> Task<> {
      all[2]->try_send("fills up its queue.");
      co_await all[0]->broadcast("1");  // ends the third connection
      co_await all[0]->broadcast("2");
      all[1]->try_send("own");
    }(held));
    on_event = {};
    EXPECT_TRUE(until([&] {
      clients[1].collect();
      return clients[1].received.ends_with("2\nown\n");
    })) << clients[1].received;
  }
}

TEST_F(broadcasting, reports_an_end_after_the_message_that_was_too_much) {
  // The program says so to those who are left, from within the delivery.
  open_listeners({.connection = {.limits = {.send_buffer = 0, .outbound_hard = 50'000}}});
  RawStream slow = connect();
  RawStream fast = connect();
  ASSERT_TRUE(until_connections(2));
  bool told = false;
  on_event = [&](const ServerEvent& event) {
    if (event.kind != Kind::closed) return;
    told = true;
    loop.spawn([](Server& from) -> Task<> { co_await from.broadcast("left"); }(*running));
  };
  std::size_t sent = 0;
  ASSERT_TRUE(until([&] {
    broadcast(numbered(sent++, message_size));
    fast.collect();
    return told;
  }));
  ASSERT_TRUE(until([&] {
    fast.collect();
    return fast.received.ends_with("left\n");
  }));
  const std::string messages = fast.received.substr(0, fast.received.size() - 5);
  EXPECT_EQ(numbers_in(messages, message_size).size(), sent);
}

TEST_F(broadcasting, waits_no_longer_for_a_connection_that_is_closed_here) {
  std::vector<Connection*> held;
  open(
      [&](Connection connection) -> Task<> {
        held.push_back(&connection);
        co_await loop.sleep(forever);
      },
      {.connection = {.limits = {.outbound_soft = 50'000, .send_buffer = 0},
                      .overflow = OverflowPolicy::wait}});
  const RawStream slow = connect();
  ASSERT_TRUE(until_connections(1));
  RawStream fast = connect();
  ASSERT_TRUE(until_connections(2));
  std::size_t sent = 0;
  loop.spawn([](Server& from, std::size_t& count) -> Task<> {
    while (true) {
      const std::string message = numbered(count++, message_size);
      co_await from.broadcast(message);
    }
  }(*running, sent));
  for (std::size_t before = sent + 1; sent != before;) {
    before = sent;
    fast.collect();
    for (int i = 0; i < 3; ++i) loop.turn();
  }
  const std::size_t held_up = sent;
  held[0]->close();
  EXPECT_TRUE(until([&] {
    fast.collect();
    return sent > held_up + 20;
  }));
}

}  // namespace
}  // namespace hallway
