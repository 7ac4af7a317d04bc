// SPDX-License-Identifier: Apache-2.0
//
// One server on several loops: who is served where, and that nothing else is different.
#include <gtest/gtest.h>

#include <pthread.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <latch>
#include <map>
#include <memory>
#include <mutex>
#include <new>
#include <set>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include <hallway/detail/race.hpp>
#include <hallway/server.hpp>

#include "support/faults.hpp"
#include "support/inventory.hpp"
#include "support/processes.hpp"
#include "support/serving.hpp"

namespace hallway {
namespace {

using namespace test;

std::string name_of(const Loop& loop) {
  return std::to_string(reinterpret_cast<std::uintptr_t>(&loop));
}

/// Answers every message with the name of its loop.
Task<> tell_loop(Connection connection) {
  while (auto message = co_await connection.receive()) {
    co_await connection.send(name_of(connection.loop()));
  }
}

Task<> pass_on(Connection connection) {
  while (auto message = co_await connection.receive()) co_await connection.broadcast(*message);
}

class several_loops : public Serving {
 protected:
  /// So many clients, all of which were given to a loop; those that follow each other, to different
  /// ones.
  [[nodiscard]] std::vector<RawStream> connect_many(std::size_t count) {
    const std::size_t before = running->connections();
    std::vector<RawStream> clients;
    while (clients.size() < count) {
      clients.push_back(connect());
      EXPECT_TRUE(until_connections(before + clients.size()));
    }
    return clients;
  }

  /// The loop that serves a client of tell_loop().
  std::string loop_of(RawStream& client) {
    client.received.clear();
    client.send("where?\n");
    EXPECT_TRUE(until([&] {
      client.collect();
      return client.received.ends_with("\n");
    }));
    return client.received.substr(0, client.received.find('\n'));
  }

  /// A client that is not served by our own loop.
  RawStream connect_elsewhere() {
    std::vector<RawStream> clients = connect_many(2);
    return std::move(clients[loop_of(clients[0]) == name_of(loop) ? 1 : 0]);
  }

  /// Reads what all of them are sent until each is as wanted.
  bool until_all(std::vector<RawStream>& clients,
                 const std::function<bool(const RawStream&)>& wanted) {
    return until([&] {
      for (RawStream& client : clients) client.collect();
      return std::ranges::all_of(clients, wanted);
    });
  }

  void broadcast(const std::string& message) {
    loop.run([](Server& from, const std::string& text) -> Task<> { co_await from.broadcast(text); }(
                                                           *running, message));
  }
};

// Who is served where -----------------------------------------------------------------------------

TEST_F(several_loops, have_as_many_connections_each) {
  open(tell_loop, {.loops = 4});
  std::vector<RawStream> clients = connect_many(12);
  std::map<std::string, int> served;
  for (RawStream& client : clients) ++served[loop_of(client)];
  EXPECT_EQ(served.size(), 4U);
  for (const auto& [name, count] : served) EXPECT_EQ(count, 3);
  EXPECT_TRUE(served.contains(name_of(loop))) << "the given loop is one of them";
}

TEST_F(several_loops, give_the_next_client_to_the_loop_with_the_fewest) {
  open(tell_loop, {.loops = 3});
  std::vector<RawStream> clients = connect_many(9);
  const std::string emptied = loop_of(clients[4]);
  std::erase_if(clients, [&](RawStream& client) { return loop_of(client) == emptied; });
  ASSERT_EQ(clients.size(), 6U);
  ASSERT_TRUE(until_connections(6));
  std::vector<RawStream> next = connect_many(3);
  for (RawStream& client : next) EXPECT_EQ(loop_of(client), emptied);
}

TEST_F(several_loops, run_each_connection_on_one_thread_and_all_on_several) {
  std::mutex mutex;
  std::map<std::uint64_t, std::set<std::thread::id>> threads;
  open(
      [&](Connection connection) -> Task<> {
        while (auto message = co_await connection.receive()) {
          {
            const std::lock_guard lock(mutex);
            threads[connection.number()].insert(std::this_thread::get_id());
          }
          co_await connection.send(*message);
        }
      },
      {.loops = 3});
  std::vector<RawStream> clients = connect_many(6);
  std::string expected;
  for (int i = 0; i < 20; ++i) {
    expected += "x\n";
    for (RawStream& client : clients) client.send("x\n");
    for (RawStream& client : clients) ASSERT_TRUE(until_received(client, expected));
  }
  std::set<std::thread::id> all;
  const std::lock_guard lock(mutex);
  ASSERT_EQ(threads.size(), 6U);
  for (const auto& [number, of_one] : threads) {
    EXPECT_EQ(of_one.size(), 1U) << number;
    all.insert(*of_one.begin());
  }
  EXPECT_EQ(all.size(), 3U);
  EXPECT_TRUE(all.contains(std::this_thread::get_id()));
}

TEST_F(several_loops, run_handlers_at_the_same_time) {
  std::latch both(2);
  const auto ours = std::this_thread::get_id();
  open(
      [&](Connection connection) -> Task<> {
        if (std::this_thread::get_id() == ours) co_return;
        both.arrive_and_wait();  // for ever, if they had to take turns
        co_await connection.send("met");
      },
      {.loops = 3});
  std::vector<RawStream> clients;
  for (int i = 0; i < 3; ++i) clients.push_back(connect());
  for (RawStream& client : clients) EXPECT_TRUE(until_ended(client));
  EXPECT_EQ(std::ranges::count(clients, "met\n", &RawStream::received), 2);
}

TEST_F(several_loops, also_serve_packets) {
  open(echo, {.type = SocketType::seqpacket, .loops = 3});
  std::vector<RawStream> clients = connect_many(3);
  for (RawStream& client : clients) {
    client.send("a packet");
    EXPECT_TRUE(until_received(client, "a packet"));
  }
}

TEST_F(several_loops, are_one_at_least) {
  const auto opened = Server::open(loop, path, echo, {.loops = 0});
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, std::errc::invalid_argument);
  EXPECT_FALSE(std::filesystem::exists(path));
}

TEST_F(several_loops, start_no_thread_where_there_is_one) {
  const std::size_t before = Inventory::take().threads;
  open(echo, {.loops = 1});
  EXPECT_EQ(Inventory::take().threads, before);
  running.reset();
  open(echo, {.loops = 3});
  EXPECT_EQ(Inventory::take().threads, before + 2);
}

TEST_F(several_loops, are_not_opened_by_half) {
  for (const auto& [call, error] :
       {std::pair(sys::Call::thread, EAGAIN), std::pair(sys::Call::epoll_create, EMFILE)}) {
    const FaultOn fault(call, 2, error);
    const auto opened = Server::open(loop, path, echo, {.loops = 3});
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error().code.value(), error);
    EXPECT_FALSE(std::filesystem::exists(path));
  }
}

TEST_F(several_loops, keep_signals_from_their_threads) {
  open(
      [](Connection connection) -> Task<> {
        sigset_t mask;
        pthread_sigmask(SIG_SETMASK, nullptr, &mask);
        const bool blocked = sigismember(&mask, SIGTERM) == 1 && sigismember(&mask, SIGCHLD) == 1;
        co_await connection.send(blocked ? "blocked" : "not blocked");
      },
      {.loops = 2});
  std::vector<RawStream> clients;
  for (int i = 0; i < 2; ++i) clients.push_back(connect());
  for (RawStream& client : clients) EXPECT_TRUE(until_ended(client));
  EXPECT_EQ(std::ranges::count(clients, "blocked\n", &RawStream::received), 1);
}

// Events and limits -------------------------------------------------------------------------------

TEST_F(several_loops, report_on_the_given_one_and_in_order) {
  std::map<std::uint64_t, std::vector<Kind>> of;
  const auto ours = std::this_thread::get_id();
  ServerOptions options{.loops = 4};
  options.on_event = [&](const ServerEvent& event) {
    EXPECT_EQ(std::this_thread::get_id(), ours);
    of[event.connection].push_back(event.kind);
  };
  auto opened = Server::open(
      loop, path,
      [](Connection connection) -> Task<> {
        co_await connection.receive();
        throw std::runtime_error("on purpose");
      },
      std::move(options));
  ASSERT_TRUE(opened);
  running.emplace(std::move(*opened));
  for (int round = 0; round < 20; ++round) {
    std::vector<RawStream> clients;
    for (int i = 0; i < 8; ++i) {
      clients.push_back(connect());
      clients.back().send("x\n");
    }
    for (RawStream& client : clients) ASSERT_TRUE(until_ended(client));
  }
  ASSERT_TRUE(until_connections(0));
  ASSERT_EQ(of.size(), 160U);
  for (auto& [number, kinds] : of) {
    EXPECT_EQ(kinds, (std::vector{Kind::connected, Kind::closed, Kind::handler_threw})) << number;
  }
}

TEST_F(several_loops, report_how_a_connection_ended_and_what_went_through) {
  open(echo, {.loops = 2});
  std::vector<RawStream> clients = connect_many(2);
  for (RawStream& client : clients) {
    client.send("x\n");
    ASSERT_TRUE(until_received(client, "x\n"));
    client.close();
  }
  ASSERT_TRUE(until([&] { return count(Kind::closed) == 2; }));
  for (const ServerEvent& event : events) {
    if (event.kind != Kind::closed) continue;
    EXPECT_EQ(event.reason, "the client closed the connection");
    EXPECT_EQ(event.counters.bytes_sent, 2U);
    EXPECT_EQ(event.peer.pid, ::getpid());
  }
}

TEST_F(several_loops, allow_one_uid_no_more_than_one_would) {
  open(echo, {.server_limits = {.max_connections_per_uid = 4}, .loops = 3});
  std::vector<RawStream> clients = connect_many(4);
  RawStream fifth = connect();
  ASSERT_TRUE(until_ended(fifth));
  EXPECT_EQ(reason(Kind::turned_away), "its uid already has 4 connections");
  for (RawStream& client : clients) {
    client.close();
    ASSERT_TRUE(until_connections(3));
    client = connect();
    client.send("x\n");
    ASSERT_TRUE(until_received(client, "x\n"));
  }
}

TEST_F(several_loops, share_the_places_of_one_server) {
  open(echo, {.server_limits = {.max_connections = 3}, .loops = 3});
  std::vector<RawStream> clients;
  for (int i = 0; i < 30; ++i) {
    clients.push_back(connect());
    clients.back().send("x\n");
  }
  for (RawStream& client : clients) {
    ASSERT_TRUE(until_received(client, "x\n"));
    EXPECT_LE(running->connections(), 3U);
    client.close();
  }
  EXPECT_TRUE(until_connections(0));
  EXPECT_GT(count(Kind::accepting_paused), 0U);
  EXPECT_EQ(count(Kind::accepting_resumed), count(Kind::accepting_paused));
}

TEST_F(several_loops, have_other_rules_at_once) {
  NEEDS_TO_BE_SOMEBODY();
  open(echo, {.allow = {allow::same_uid()}, .loops = 3});
  std::vector<RawStream> stay = connect_many(3);
  ASSERT_TRUE(running->set_allow({allow::uid(::geteuid() + 1)}));
  for (int i = 0; i < 3; ++i) {
    RawStream refused = connect();
    EXPECT_TRUE(until_ended(refused));
  }
  for (RawStream& client : stay) {
    client.send("x\n");
    EXPECT_TRUE(until_received(client, "x\n"));
  }
}

// Broadcasting ------------------------------------------------------------------------------------

TEST_F(several_loops, receive_what_any_of_them_broadcasts) {
  open(pass_on, {.loops = 3});
  std::vector<RawStream> clients = connect_many(6);
  std::vector<std::string> expected(6);
  for (std::size_t from = 0; from < 6; ++from) {
    const std::string message = "from " + std::to_string(from) + "\n";
    clients[from].send(message);
    for (std::size_t to = 0; to < 6; ++to) {
      if (to != from) expected[to] += message;
      ASSERT_TRUE(until_received(clients[to], expected[to]));
    }
  }
  broadcast("from the server");
  for (std::size_t to = 0; to < 6; ++to) {
    EXPECT_TRUE(until_received(clients[to], expected[to] + "from the server\n"));
  }
}

TEST_F(several_loops, receive_everything_in_one_order) {
  constexpr int each = 300;
  open(pass_on, {.loops = 3});
  std::vector<RawStream> listeners = connect_many(3);
  std::vector<RawStream> senders = connect_many(3);
  std::vector<std::string> words(3);
  for (int i = 0; i < each; ++i) {
    for (std::size_t from = 0; from < 3; ++from) {
      words[from] += std::to_string(from) + " says " + std::to_string(i) + "\n";
      if (i % 10 == 9) senders[from].send(std::exchange(words[from], {}));
    }
    if (i % 10 == 9) loop.turn();
  }
  ASSERT_TRUE(until_all(listeners, [](const RawStream& listener) {
    return std::ranges::count(listener.received, '\n') == std::ptrdiff_t{3} * each;
  }));
  EXPECT_EQ(listeners[1].received, listeners[0].received);
  EXPECT_EQ(listeners[2].received, listeners[0].received);
  for (int i = 1; i < each; ++i) {
    const std::string earlier = "1 says " + std::to_string(i - 1) + "\n";
    EXPECT_LT(listeners[0].received.find(earlier),
              listeners[0].received.find("1 says " + std::to_string(i) + "\n"));
  }
}

TEST_F(several_loops, speak_to_each_connection_in_its_own_framing) {
  open(
      [](Connection connection) -> Task<> {
        while (auto message = co_await connection.receive()) {
          connection.set_framing(Framing::lines(), Framing::null());
          co_await connection.send("from now on");
        }
      },
      {.loops = 2});
  std::vector<RawStream> clients = connect_many(4);
  for (std::size_t i : {0U, 1U}) {
    clients[i].send("switch\n");
    ASSERT_TRUE(until_received(clients[i], std::string("from now on\0", 12)));
  }
  broadcast("hi");
  for (std::size_t i : {0U, 1U}) {
    EXPECT_TRUE(until_received(clients[i], std::string("from now on\0hi\0", 15)));
  }
  for (std::size_t i : {2U, 3U}) EXPECT_TRUE(until_received(clients[i], "hi\n"));
}

constexpr std::size_t passed_on_size = 10'000;

/// `passed_on_size` bytes on the wire that begin with a number.
std::string numbered(std::size_t number) {
  std::string message = std::to_string(number) + ":";
  message.resize(passed_on_size - 1, '.');
  return message;
}

std::vector<std::size_t> numbers_in(std::string_view bytes) {
  EXPECT_EQ(bytes.size() % passed_on_size, 0U);
  std::vector<std::size_t> numbers;
  for (std::size_t at = 0; at + passed_on_size <= bytes.size(); at += passed_on_size) {
    numbers.push_back(std::stoul(std::string(bytes.substr(at, 20))));
  }
  return numbers;
}

class full_on_several_loops : public several_loops {
 protected:
  static constexpr std::size_t sent = 200;

  /// Two clients, on a loop each, that read nothing while everything is broadcast.
  void broadcast_to_sleepers(OverflowPolicy policy) {
    open(ignore, {.connection = {.limits = {.outbound_soft = 100'000, .send_buffer = 0},
                                 .overflow = policy},
                  .loops = 2});
    clients = connect_many(2);
    for (std::size_t i = 0; i < sent; ++i) broadcast(numbered(i));
    running->drain();
    for (RawStream& client : clients) ASSERT_TRUE(until_ended(client));
    ASSERT_TRUE(until([&] { return count(Kind::closed) == 2; }));
  }

  void expect_each_received_or_dropped() {
    std::size_t accounted = 0;
    for (const RawStream& client : clients) {
      const auto numbers = numbers_in(client.received);
      EXPECT_LT(numbers.size(), sent);
      EXPECT_TRUE(std::ranges::is_sorted(numbers));
      accounted += numbers.size();
    }
    for (const ServerEvent& event : events) accounted += event.counters.dropped;
    EXPECT_EQ(accounted, 2 * sent);
  }

  /// Broadcasts everything, as fast as it may.
  void start_broadcasting() {
    loop.spawn([](Server& from, std::size_t& number) -> Task<> {
      for (; number < sent; ++number) {
        const std::string message = numbered(number);
        co_await from.broadcast(message);
      }
    }(*running, broadcast_));
  }

  std::vector<RawStream> clients;
  std::size_t broadcast_ = 0;
};

TEST_F(full_on_several_loops, drops_the_newest_and_counts_each) {
  broadcast_to_sleepers(OverflowPolicy::drop_newest);
  expect_each_received_or_dropped();
  for (const RawStream& client : clients) EXPECT_TRUE(client.received.starts_with("0:"));
}

TEST_F(full_on_several_loops, drops_the_oldest_and_counts_each) {
  broadcast_to_sleepers(OverflowPolicy::drop_oldest);
  expect_each_received_or_dropped();
  for (const RawStream& client : clients) {
    EXPECT_EQ(numbers_in(client.received).back(), sent - 1);
  }
}

TEST_F(full_on_several_loops, disconnects_the_slow_and_spares_the_others) {
  open(ignore,
       {.connection = {.limits = {.send_buffer = 0, .outbound_hard = 500'000}}, .loops = 2});
  clients = connect_many(2);
  std::vector<RawStream> slow = connect_many(2);
  for (std::size_t i = 1; running->connections() > 2; ++i) {
    broadcast(numbered(i));
    ASSERT_TRUE(until_all(clients, [i](const RawStream& client) {
      return client.received.size() == i * passed_on_size;
    }));
  }
  EXPECT_NE(reason(Kind::closed).find("hard limit"), std::string::npos) << reason(Kind::closed);
  for (RawStream& client : slow) EXPECT_TRUE(until_ended(client));
  EXPECT_EQ(count(Kind::closed), 2U);
}

TEST_F(full_on_several_loops, waits_for_the_slow_of_all_loops_and_loses_nothing) {
  open(ignore, {.connection = {.limits = {.outbound_soft = 50'000, .send_buffer = 0},
                               .overflow = OverflowPolicy::wait},
                .loops = 3});
  clients = connect_many(6);
  start_broadcasting();
  for (std::size_t slow = 0; slow < 3; ++slow) {
    // All but one keep up, and that one is on another loop each time.
    for (int i = 0; i < 50; ++i) {
      for (std::size_t other = 0; other < 6; ++other) {
        if (other != slow) clients[other].collect();
      }
      loop.turn(1ms);
    }
    EXPECT_LT(broadcast_, sent);
    clients[slow].collect();
  }
  ASSERT_TRUE(until_all(clients, [](const RawStream& client) {
    return client.received.size() == sent * passed_on_size;
  }));
  for (const RawStream& client : clients) {
    const auto numbers = numbers_in(client.received);
    for (std::size_t i = 0; i < sent; ++i) ASSERT_EQ(numbers[i], i);
  }
}

TEST_F(full_on_several_loops, waits_no_longer_for_a_client_that_has_gone) {
  open(ignore, {.connection = {.limits = {.outbound_soft = 50'000, .send_buffer = 0},
                               .overflow = OverflowPolicy::wait},
                .loops = 3});
  clients = connect_many(3);
  start_broadcasting();
  while (!clients.empty()) {
    for (int i = 0; i < 20; ++i) loop.turn(1ms);
    EXPECT_LT(broadcast_, sent);
    clients.pop_back();
  }
  EXPECT_TRUE(until([&] { return broadcast_ == sent; }));
}

TEST_F(full_on_several_loops, waits_for_a_loop_that_is_behind_whatever_the_policy) {
  std::atomic<bool> busy = true;
  const auto ours = std::this_thread::get_id();
  open(
      [&](Connection connection) -> Task<> {
        if (std::this_thread::get_id() != ours) busy.wait(true);
        co_await ignore(std::move(connection));
      },
      {.connection = {.limits = {.outbound_soft = 50'000}, .overflow = OverflowPolicy::drop_oldest},
       .loops = 2});
  clients = connect_many(2);
  start_broadcasting();
  for (int i = 0; i < 50; ++i) loop.turn();
  EXPECT_EQ(broadcast_, 5U);  // as many as it takes to fill what waits for that loop
  busy = false;
  busy.notify_all();
  EXPECT_TRUE(until([&] { return broadcast_ == sent; }));
}

// Ending ------------------------------------------------------------------------------------------

TEST_F(several_loops, drain_without_losing_a_request) {
  open(echo, {.loops = 4});
  std::vector<RawStream> clients;
  std::string requests;
  for (int i = 0; i < 1000; ++i) requests += "request " + std::to_string(i) + "\n";
  for (int i = 0; i < 20; ++i) {
    clients.push_back(connect());
    clients.back().send(requests);
    if (i == 10) loop.turn();
  }
  loop.drain();
  EXPECT_EQ(loop.run(), 0);
  EXPECT_FALSE(std::filesystem::exists(path));
  for (RawStream& client : clients) {
    client.collect();
    EXPECT_EQ(client.received, requests);
    EXPECT_TRUE(client.ended);
    EXPECT_EQ(client.error, 0);
  }
  EXPECT_EQ(count(Kind::closed), 20U);
}

TEST_F(several_loops, drain_idle_connections_and_write_what_slow_ones_have_not_read) {
  const std::string large(900'000, 'x');
  open(
      [&](Connection connection) -> Task<> {
        co_await connection.send(large);
        co_await ignore(std::move(connection));
      },
      {.loops = 3});
  std::vector<RawStream> clients = connect_many(3);
  loop.drain();
  for (RawStream& client : clients) {
    EXPECT_TRUE(until_ended(client));
    EXPECT_EQ(client.received.size(), large.size() + 1);
  }
  EXPECT_EQ(loop.run(), 0);
}

TEST_F(several_loops, drain_no_longer_than_they_may) {
  open([](Connection /*connection*/) -> Task<> { co_await detail::Pause(forever); }, {.loops = 3});
  const std::vector<RawStream> clients = connect_many(3);
  loop.drain(5ms);
  EXPECT_EQ(loop.run(), 1);
}

TEST_F(several_loops, drain_with_the_tasks_that_handlers_left_on_them) {
  std::atomic<int> ended = 0;
  open(
      [&](Connection connection) -> Task<> {
        connection.loop().spawn([](std::atomic<int>& count) -> Task<> {
          co_await detail::Pause(20ms);  // a sleep that begins in a drain is not waited for
          ++count;
        }(ended));
        co_return;
      },
      {.loops = 3});
  std::vector<RawStream> clients;
  for (int i = 0; i < 3; ++i) clients.push_back(connect());
  loop.drain();
  EXPECT_EQ(loop.run(), 0);
  EXPECT_EQ(ended, 3);
}

TEST_F(several_loops, drain_with_their_server_alone) {
  open(echo, {.loops = 3});
  auto other = Server::open(loop, directory / "other", echo);
  ASSERT_TRUE(other);
  std::vector<RawStream> clients = connect_many(3);
  running->drain();
  for (RawStream& client : clients) EXPECT_TRUE(until_ended(client));
  EXPECT_TRUE(until_connections(0));
  EXPECT_FALSE(loop.draining());
  RawStream client(raw_connected(SOCK_STREAM, directory / "other"));
  client.send("x\n");
  EXPECT_TRUE(until_received(client, "x\n"));
}

TEST_F(several_loops, drain_when_a_signal_says_so) {
  open(echo, {.loops = 3});
  ASSERT_TRUE(loop.drain_on({SIGTERM}));
  std::vector<RawStream> clients = connect_many(6);
  for (RawStream& client : clients) client.send("request\n");
  ::raise(SIGTERM);
  EXPECT_EQ(loop.run(), 0);
  for (RawStream& client : clients) {
    client.collect();
    EXPECT_EQ(client.received, "request\n");
  }
}

/// Does with its loop what the message says.
Task<> obey(Connection connection) {
  while (auto message = co_await connection.receive()) {
    if (message->bytes() == "stop") connection.loop().stop(7);
    if (message->bytes() == "drain") connection.loop().drain();
    if (message->bytes() == "drain at once") connection.loop().drain(1ms);
    if (message->bytes() == "stay") co_await detail::Pause(forever);
    co_await connection.send(name_of(connection.loop()));
  }
}

TEST_F(several_loops, stop_and_drain_together_whichever_of_them_is_asked) {
  open(obey, {.loops = 2});
  RawStream client = connect_elsewhere();
  client.send("stop\n");
  EXPECT_EQ(loop.run(), 7);
  loop_of(client);  // goes on, as it does with one loop
  client.send("drain\n");
  EXPECT_EQ(loop.run(), 0);
  EXPECT_TRUE(loop.draining());
}

TEST_F(several_loops, drain_in_the_time_that_any_of_them_was_given) {
  open(obey, {.loops = 2});
  RawStream client = connect_elsewhere();
  RawStream stays = connect();
  stays.send("stay\n");
  client.send("drain at once\n");
  EXPECT_EQ(loop.run(), 1);
}

TEST_F(several_loops, hand_an_exception_to_the_given_one_and_go_on) {
  const auto fail = [](bool memory) -> Task<> {
    if (memory) throw std::bad_alloc();
    throw std::runtime_error("on purpose");
    co_return;
  };
  open(
      [&](Connection connection) -> Task<> {
        while (auto message = co_await connection.receive()) {
          if (message->bytes() == "memory") connection.loop().spawn(fail(true));
          if (message->bytes() == "throw") connection.loop().spawn(fail(false));
          co_await connection.send(name_of(connection.loop()));
        }
      },
      {.loops = 2});
  RawStream client = connect_elsewhere();
  client.send("throw\n");
  EXPECT_THROW(loop.run(), std::runtime_error);
  client.send("memory\n");
  EXPECT_THROW(loop.run(), std::bad_alloc);
  EXPECT_NE(loop_of(client), name_of(loop));
}

TEST_F(several_loops, do_without_one_that_cannot_go_on) {
  std::latch inside(1);
  std::latch go(1);
  open(
      [&](Connection connection) -> Task<> {
        while (auto message = co_await connection.receive()) {
          if (message->bytes() == "wait") {
            inside.count_down();
            go.wait();
          }
          co_await connection.send(name_of(connection.loop()));
        }
      },
      {.loops = 2});
  RawStream client = connect_elsewhere();
  client.send("wait\n");
  inside.wait();
  {
    const FaultOn broken(sys::Call::epoll_wait, 1, EINVAL);
    go.count_down();
    const auto deadline = Loop::Clock::now() + patience;
    // Until then our own loop does not wait for anything.
    while (broken.calls() == 0 && Loop::Clock::now() < deadline) std::this_thread::yield();
    EXPECT_EQ(loop.run(), 1);
  }
  for (int i = 0; i < 3; ++i) {
    RawStream next = connect();
    EXPECT_EQ(loop_of(next), name_of(loop));
  }
}

TEST_F(several_loops, stop_at_once_when_their_server_is_destroyed) {
  auto held = std::make_shared<int>();
  for (int round = 0; round < 20; ++round) {
    open(
        [held](Connection connection) -> Task<> {
          const std::shared_ptr<int> kept(held, held.get());  // the coroutine's own
          while (auto message = co_await connection.receive()) {
            co_await connection.send(*message);
            co_await connection.broadcast(*message);
          }
        },
        {.loops = 4});
    std::vector<RawStream> clients;
    for (int i = 0; i < 12; ++i) {
      clients.push_back(connect());
      for (int messages = 0; messages < 50; ++messages) clients.back().send("and so on\n");
      loop.turn();
    }
    running.reset();
    EXPECT_EQ(held.use_count(), 1);
    EXPECT_FALSE(std::filesystem::exists(path));
    for (RawStream& client : clients) EXPECT_TRUE(until_ended(client));
  }
  EXPECT_EQ(loop.run(), 0);
}

TEST_F(several_loops, leave_what_was_sent_and_not_read_yet_to_the_given_one) {
  // Of all sizes, so that chunks of all sizes are on the way.
  std::string expected;
  for (std::size_t size = 1; size < 200'000; size *= 3) expected += std::string(size, 'x') + "\n";
  for (int i = 0; i < 60; ++i) expected += std::string(9'999, 'y') + "\n";
  std::atomic<int> sent = 0;
  open(
      [&](Connection connection) -> Task<> {
        for (ByteView rest = expected; !rest.empty(); rest.remove_prefix(rest.find('\n') + 1)) {
          co_await connection.send(rest.substr(0, rest.find('\n')));
        }
        ++sent;
        co_await ignore(std::move(connection));
      },
      {.loops = 3});
  std::vector<RawStream> clients = connect_many(3);
  ASSERT_TRUE(until([&] { return sent == 3; }));
  running.reset();
  for (RawStream& client : clients) {
    EXPECT_TRUE(until_ended(client));
    EXPECT_EQ(client.received, expected);
  }
  EXPECT_EQ(loop.run(), 0);
}

}  // namespace
}  // namespace hallway
