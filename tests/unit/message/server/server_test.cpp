// SPDX-License-Identifier: Apache-2.0
//
// Accepting, seating and turning away. Broadcasts and draining have files of their own.
#include <hallway/server.hpp>
#include <hallway/task_scope.hpp>

#include <gtest/gtest.h>

#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <deque>
#include <filesystem>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "support/faults.hpp"
#include "support/inventory.hpp"
#include "support/processes.hpp"
#include "support/serving.hpp"
#include "sys/socket.hpp"

namespace hallway {
namespace {

using namespace test;

class server : public Serving {};

Task<> greet(Connection connection) { co_await connection.send("hello"); }

TEST_F(server, gives_each_client_to_a_handler) {
  open(echo);
  RawStream first = connect();
  RawStream second = connect();
  first.send("one\n");
  second.send("two\n");
  EXPECT_TRUE(until_received(first, "one\n"));
  EXPECT_TRUE(until_received(second, "two\n"));
  EXPECT_EQ(running->connections(), 2U);
}

TEST_F(server, serves_seqpacket_clients) {
  open(echo, {.type = SocketType::seqpacket});
  RawStream client = connect();
  client.send("a packet");
  EXPECT_TRUE(until_received(client, "a packet"));
}

TEST_F(server, writes_what_a_handler_sent_and_closes_when_it_returns) {
  open(greet);
  RawStream client = connect();
  client.send("unread\n");
  EXPECT_TRUE(until_ended(client));
  EXPECT_EQ(client.received, "hello\n");
  EXPECT_EQ(client.error, 0);
  EXPECT_TRUE(until_connections(0));
}

TEST_F(server, numbers_its_connections_and_reports_their_begin_and_end) {
  std::vector<std::uint64_t> numbers;
  open([&](Connection connection) -> Task<> {
    numbers.push_back(connection.number());
    while (auto message = co_await connection.receive()) co_await connection.send(*message);
  });
  RawStream first = connect();
  RawStream second = connect();
  first.send("x\n");
  ASSERT_TRUE(until_received(first, "x\n"));
  EXPECT_EQ(numbers, (std::vector<std::uint64_t>{1, 2}));
  ASSERT_EQ(count(Kind::connected), 2U);
  EXPECT_EQ(events[0].connection, 1U);
  EXPECT_EQ(events[0].peer.pid, ::getpid());
  EXPECT_EQ(events[0].peer.uid, ::geteuid());

  first.close();
  ASSERT_TRUE(until([&] { return count(Kind::closed) == 1; }));
  EXPECT_EQ(events.back().connection, 1U);
  EXPECT_EQ(events.back().reason, "the client closed the connection");
  EXPECT_EQ(events.back().counters.messages_received, 1U);
  EXPECT_EQ(events.back().counters.bytes_sent, 2U);
}

TEST_F(server, closes_only_the_connection_whose_handler_threw) {
  open([](Connection connection) -> Task<> {
    while (auto message = co_await connection.receive()) {
      if (message->bytes() == "throw") throw std::runtime_error("on purpose");
      if (message->bytes() == "throw an int") throw 1;
      co_await connection.send(*message);
    }
  });
  RawStream good = connect();
  RawStream bad = connect();
  RawStream worse = connect();
  bad.send("throw\n");
  worse.send("throw an int\n");
  EXPECT_TRUE(until_ended(bad));
  EXPECT_TRUE(until_ended(worse));
  ASSERT_EQ(count(Kind::handler_threw), 2U);
  EXPECT_NE(reason(Kind::handler_threw).find("not a std::exception"), std::string::npos);
  good.send("still here\n");
  EXPECT_TRUE(until_received(good, "still here\n"));
}

TEST_F(server, reports_an_exception_of_a_task_in_a_scope_of_the_handler) {
  open([](Connection connection) -> Task<> {
    TaskScope scope(connection.loop());
    scope.spawn([]() -> Task<> {
      throw std::runtime_error("in the scope");
      co_return;
    });
    while (auto message = co_await connection.receive()) co_await connection.send(*message);
  });
  RawStream good = connect();
  RawStream bad = connect();
  bad.shut_writing();
  EXPECT_TRUE(until_ended(bad));
  EXPECT_EQ(reason(Kind::handler_threw), "in the scope");
  good.send("still here\n");
  EXPECT_TRUE(until_received(good, "still here\n"));
}

TEST_F(server, survives_a_handler_that_throws_at_once) {
  open([](Connection) -> Task<> {
    throw std::runtime_error("at once");
    co_return;
  });
  RawStream client = connect();
  EXPECT_TRUE(until_ended(client));
  EXPECT_EQ(reason(Kind::handler_threw), "at once");
  EXPECT_TRUE(until_connections(0));
}

TEST_F(server, ends_a_connection_over_its_limits_and_no_other) {
  open(echo, {.connection = {.limits = {.max_message = 10}}});
  RawStream good = connect();
  RawStream bad = connect();
  bad.send("far too long for this\n");
  EXPECT_TRUE(until_ended(bad));
  EXPECT_NE(reason(Kind::closed).find("over the limit of 10"), std::string::npos)
      << reason(Kind::closed);
  good.send("fine\n");
  EXPECT_TRUE(until_received(good, "fine\n"));
}

TEST_F(server, binds_with_the_configured_mode_and_group) {
  ServerOptions options{.file = {.mode = 0660}};
  if (is_root()) options.file.group = "44";
  open(echo, options);
  struct stat status{};
  ASSERT_EQ(::stat(path.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777U, 0660U);
  EXPECT_EQ(status.st_gid, is_root() ? 44U : ::getegid());
}

TEST_F(server, cannot_be_opened_where_another_one_is) {
  open(echo);
  const auto second = Server::open(loop, path, echo);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, std::errc::address_in_use);
  EXPECT_NE(second.error().explain().find("in use by pid"), std::string::npos);
}

TEST_F(server, cannot_be_opened_with_a_policy_that_broadcasts_do_not_support) {
  const auto refused = [&](OverflowPolicy policy) {
    const ServerOptions options{.connection = {.overflow = policy}};
    const auto bound = Server::open(loop, path, echo, options);
    EXPECT_FALSE(std::filesystem::exists(path));
    const auto given = Server::open(loop, *Listener::bind(path + ".other"), echo, options);
    ASSERT_FALSE(bound || given);
    EXPECT_EQ(bound.error().code, std::errc::invalid_argument);
    EXPECT_EQ(bound.error().explain(), "overflow policy " + std::string(to_string(policy)) +
                                           ": a server's broadcasts support wait, drop_oldest, "
                                           "drop_newest, disconnect");
    EXPECT_EQ(given.error().explain(), bound.error().explain());
  };
  refused(OverflowPolicy::latest_only);
  refused(OverflowPolicy::fail);
}

TEST_F(server, cannot_be_opened_on_a_loop_that_does_not_work) {
  const FaultOn fault(sys::Call::epoll_create, 1, EMFILE);
  Loop broken;
  const auto opened = Server::open(broken, path, echo);
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, std::errc::too_many_files_open);
  EXPECT_FALSE(std::filesystem::exists(path));
}

TEST_F(server, takes_over_a_listener_that_exists) {
  auto listener = Listener::bind(path);
  auto opened = Server::open(loop, std::move(*listener), echo);
  ASSERT_TRUE(opened);
  running.emplace(std::move(*opened));
  EXPECT_EQ(running->address().name(), path);
  RawStream client = connect();
  client.send("x\n");
  EXPECT_TRUE(until_received(client, "x\n"));
}

TEST_F(server, stops_at_once_when_it_is_destroyed) {
  auto held = std::make_shared<int>();
  open([held](Connection connection) -> Task<> {
    const std::shared_ptr<int> kept(held, held.get());  // the coroutine's own
    while (auto message = co_await connection.receive()) {
    }
  });
  RawStream client = connect();
  ASSERT_TRUE(until_connections(1));
  running.reset();
  EXPECT_EQ(held.use_count(), 1);
  EXPECT_FALSE(std::filesystem::exists(path));
  EXPECT_TRUE(until_ended(client));
  EXPECT_EQ(loop.run(), 0);
}

TEST_F(server, moves) {
  open(echo);
  Server moved = std::move(*running);
  running.emplace(std::move(moved));
  RawStream client = connect();
  client.send("x\n");
  EXPECT_TRUE(until_received(client, "x\n"));
}

TEST_F(server, lets_a_handler_give_its_connection_away) {
  std::vector<Connection> kept;
  open([&](Connection connection) -> Task<> {
    kept.push_back(std::move(connection));
    co_return;
  });
  RawStream client = connect();
  ASSERT_TRUE(until([&] { return kept.size() == 1; }));
  EXPECT_TRUE(kept.front().try_send("from elsewhere"));
  EXPECT_TRUE(until_received(client, "from elsewhere\n"));
  EXPECT_EQ(running->connections(), 1U);
  kept.clear();
  EXPECT_TRUE(until_connections(0));
}

TEST_F(server, is_not_missed_by_a_connection_that_outlives_it) {
  std::vector<Connection> kept;
  open([&](Connection connection) -> Task<> {
    kept.push_back(std::move(connection));
    co_return;
  });
  RawStream client = connect();
  ASSERT_TRUE(until([&] { return kept.size() == 1; }));
  running.reset();
  events.clear();
  kept.clear();
  EXPECT_TRUE(until_ended(client));
  EXPECT_TRUE(events.empty());
}

TEST_F(server, leaves_behind_what_was_sent_and_not_read_yet) {
  open([](Connection connection) -> Task<> {
    const std::string large(900'000, 'x');
    co_await connection.send(large);
  });
  RawStream client = connect();
  ASSERT_TRUE(until([&] { return count(Kind::connected) == 1; }));
  running.reset();
  EXPECT_TRUE(until_ended(client));
  EXPECT_EQ(client.received.size(), 900'001U);
}

// Who may connect ---------------------------------------------------------------------------------

TEST_F(server, turns_away_a_client_that_no_rule_admits_before_reading_anything) {
  bool served = false;
  open(
      [&](Connection) -> Task<> {
        served = true;
        co_return;
      },
      {.allow = {allow::uid(::geteuid() + 1), allow::uid(::geteuid() + 2)}});
  RawStream client = connect();
  client.send("let me in\n");
  ASSERT_TRUE(until_ended(client));
  EXPECT_FALSE(served);
  EXPECT_EQ(count(Kind::connected), 0U);
  ASSERT_EQ(count(Kind::turned_away), 1U);
  EXPECT_EQ(reason(Kind::turned_away), "no rule admits it");
  EXPECT_EQ(events.front().peer.uid, ::geteuid());
}

TEST_F(server, admits_a_client_that_any_rule_admits) {
  NEEDS_TO_BE_SOMEBODY();
  open(greet, {.allow = {allow::uid(::geteuid() + 1), allow::same_uid()}});
  RawStream client = connect();
  EXPECT_TRUE(until_received(client, "hello\n"));
}

TEST_F(server, lets_no_descriptors_in_that_it_did_not_ask_for_not_even_before_it_accepts) {
  if (!sys::allow_fd_passing(raw_socket(SOCK_STREAM).get(), true)) {
    GTEST_SKIP() << "this kernel has no SO_PASSRIGHTS: they are dropped on arrival";
  }
  open(echo);
  const RawStream waits = connect();
  const Descriptor file = some_file();
  EXPECT_EQ(waits.send("with\n", {file.get()}), -1);
  EXPECT_EQ(errno, EPERM);
}

TEST_F(server, refuses_to_open_with_a_rule_about_somebody_unknown) {
  const auto opened = Server::open(loop, path, echo, {.allow = {allow::user("no-such-user")}});
  ASSERT_FALSE(opened);
  EXPECT_NE(opened.error().explain().find("no-such-user"), std::string::npos);
  EXPECT_FALSE(std::filesystem::exists(path));
}

/// What a client of another user gets.
std::string greeting_as(unsigned user, const std::string& address,
                        const std::vector<gid_t>& groups = {}) {
  return as_user(
      user,
      [&] {
        const Descriptor socket = raw_connected(SOCK_STREAM, address);
        if (!socket.holds_one()) return std::string("not connected");
        const std::string greeting = raw_receive(socket.get(), 100, true).bytes;
        return greeting.empty() ? std::string("turned away")
                                : greeting.substr(0, greeting.size() - 1);
      },
      groups);
}

class server_of_others : public Serving {
 protected:
  /// Runs `client`, which blocks, while the loop turns.
  std::string with_loop(const std::function<std::string()>& client) {
    ForkedProcess process([&](const ForkedProcess::Say& say) { say(client()); });
    std::string line;
    bool done = false;
    std::thread reader([&] {
      line = process.line();
      loop.post([&] { done = true; });
    });
    EXPECT_TRUE(until([&] { return done; }));
    reader.join();
    process.wait();
    return line;
  }
};

TEST_F(server_of_others, admits_by_uid_and_by_supplementary_group) {
  NEEDS_ROOT_TO_BECOME_ANOTHER_USER();
  open(greet, {.file = {.mode = 0666}, .allow = {allow::uid(some_user), allow::group("video")}});
  EXPECT_EQ(with_loop([this] { return greeting_as(some_user, path); }), "hello");
  EXPECT_EQ(with_loop([this] { return greeting_as(some_user + 1, path); }), "turned away");
  EXPECT_EQ(with_loop([this] { return greeting_as(some_user + 1, path, {44}); }), "hello");
  EXPECT_EQ(count(Kind::turned_away), 1U);
}

TEST_F(server_of_others, never_admits_the_overflow_uid_by_a_rule_about_somebody) {
  NEEDS_ROOT_TO_BECOME_ANOTHER_USER();
  open(greet, {.file = {.mode = 0666},
               .allow = {allow::uid(some_user), allow::same_uid(), allow::gid(44)}});
  EXPECT_EQ(with_loop([this] { return greeting_as(nobody, path, {44}); }), "turned away");
}

TEST_F(server_of_others, does_not_open_with_a_rule_about_the_overflow_uid) {
  const auto opened = Server::open(loop, path, greet, {.allow = {allow::uid(nobody)}});
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, std::errc::invalid_argument);
}

TEST_F(server_of_others, admits_only_our_own_uid_and_root_on_an_abstract_name) {
  NEEDS_ROOT_TO_BECOME_ANOTHER_USER();
  path = "@hallway-test-" + std::to_string(::getpid());
  open(greet);
  EXPECT_EQ(with_loop([this] { return greeting_as(some_user, path); }), "turned away");
  RawStream client = connect();
  EXPECT_TRUE(until_received(client, "hello\n"));
  running.reset();
  open(greet, {.allow = {allow::uid(some_user)}});
  EXPECT_EQ(with_loop([this] { return greeting_as(some_user, path); }), "hello");
  RawStream own = connect();
  EXPECT_TRUE(until_received(own, "hello\n"));
}

// Limits ------------------------------------------------------------------------------------------

TEST_F(server, applies_new_rules_to_later_clients) {
  NEEDS_TO_BE_SOMEBODY();
  open(echo, {.allow = {allow::same_uid()}});
  RawStream stays = connect();
  stays.send("one\n");
  ASSERT_TRUE(until_received(stays, "one\n"));
  ASSERT_TRUE(running->set_allow({allow::uid(::geteuid() + 1)}));
  RawStream refused = connect();
  EXPECT_TRUE(until_ended(refused));
  EXPECT_EQ(count(Kind::turned_away), 1U);

  const auto unknown = running->set_allow({allow::any(), allow::group("no-such-group")});
  ASSERT_FALSE(unknown);
  EXPECT_NE(unknown.error().explain().find("no-such-group"), std::string::npos);
  RawStream still_refused = connect();
  EXPECT_TRUE(until_ended(still_refused));

  ASSERT_TRUE(running->set_allow({}));
  RawStream admitted = connect();
  admitted.send("two\n");
  EXPECT_TRUE(until_received(admitted, "two\n"));
  stays.send("three\n");
  EXPECT_TRUE(until_received(stays, "one\nthree\n"));
}

TEST_F(server, turns_away_more_clients_of_one_uid_than_it_allows) {
  open(echo, {.server_limits = {.max_connections_per_uid = 2}});
  RawStream first = connect();
  RawStream second = connect();
  RawStream third = connect();
  ASSERT_TRUE(until_ended(third));
  EXPECT_EQ(reason(Kind::turned_away), "its uid already has 2 connections");
  first.close();
  ASSERT_TRUE(until_connections(1));
  RawStream fourth = connect();
  fourth.send("x\n");
  EXPECT_TRUE(until_received(fourth, "x\n"));
}

TEST_F(server, leaves_clients_in_the_backlog_while_all_places_are_taken) {
  open(echo, {.server_limits = {.max_connections = 2}});
  std::vector<RawStream> clients;
  for (int i = 0; i < 5; ++i) {
    clients.push_back(connect());
    clients.back().send("client " + std::to_string(i) + "\n");
  }
  ASSERT_TRUE(until_received(clients[1], "client 1\n"));
  EXPECT_EQ(running->connections(), 2U);
  EXPECT_EQ(count(Kind::accepting_paused), 1U);
  EXPECT_EQ(reason(Kind::accepting_paused), "all places (2) are taken");
  clients[2].collect();
  EXPECT_EQ(clients[2].received, "");

  for (std::size_t i = 2; i < clients.size(); ++i) {
    clients[i - 2].close();
    EXPECT_TRUE(until_received(clients[i], "client " + std::to_string(i) + "\n"));
    EXPECT_LE(running->connections(), 2U);
  }
  clients.clear();
  EXPECT_TRUE(until_connections(0));
  EXPECT_EQ(count(Kind::accepting_resumed), count(Kind::accepting_paused));
}

TEST_F(server, does_not_spin_while_all_places_are_taken) {
  open(echo, {.server_limits = {.max_connections = 1}});
  RawStream first = connect();
  RawStream second = connect();
  ASSERT_TRUE(until([&] { return count(Kind::accepting_paused) == 1; }));
  loop.turn(20ms);  // asks before it sleeps: the clients were heard just now
  const CallCount waits(sys::Call::epoll_wait);
  loop.turn(20ms);
  loop.turn(20ms);
  EXPECT_EQ(waits.calls(), 2U);
  const CallCount accepts(sys::Call::accept);
  EXPECT_EQ(accepts.calls(), 0U);
}

TEST_F(server, pauses_when_it_is_out_of_descriptors_and_goes_on_by_itself) {
  open(greet);
  for (const int error : {EMFILE, ENFILE, ENOBUFS, ENOMEM}) {
    events.clear();
    const FaultOn fault(sys::Call::accept, 1, error);
    RawStream client = connect();
    EXPECT_TRUE(until_received(client, "hello\n"));
    EXPECT_EQ(count(Kind::accepting_paused), 1U);
    EXPECT_EQ(count(Kind::accepting_resumed), 1U);
    EXPECT_LE(fault.calls(), 4U);
  }
}

TEST_F(server, goes_on_as_soon_as_a_connection_ends_when_it_is_out_of_descriptors) {
  open(echo);
  RawStream first = connect();
  ASSERT_TRUE(until_connections(1));
  const FaultOn fault(sys::Call::accept, 1, EMFILE);
  RawStream second = connect();
  ASSERT_TRUE(until([&] { return count(Kind::accepting_paused) == 1; }));
  first.close();
  second.send("x\n");
  EXPECT_TRUE(until_received(second, "x\n"));
}

/// A limit of descriptors that leaves no more than the reserve and `room`.
class FewDescriptors {
 public:
  explicit FewDescriptors(rlim_t limit) {
    ::getrlimit(RLIMIT_NOFILE, &before_);
    const rlimit few{limit, before_.rlim_max};
    ::setrlimit(RLIMIT_NOFILE, &few);
  }
  FewDescriptors(const FewDescriptors&) = delete;
  FewDescriptors& operator=(const FewDescriptors&) = delete;
  ~FewDescriptors() { ::setrlimit(RLIMIT_NOFILE, &before_); }

 private:
  rlimit before_{};
};

TEST_F(server, keeps_a_reserve_of_descriptors_for_the_program) {
  open(echo, {.server_limits = {.descriptor_reserve = 20}});
  std::vector<RawStream> clients;
  for (int i = 0; i < 10; ++i) clients.push_back(connect());
  const int next = some_file().get();
  const FewDescriptors few(static_cast<rlim_t>(next) + 24);
  ASSERT_TRUE(until([&] { return count(Kind::accepting_paused) == 1; }));
  EXPECT_EQ(reason(Kind::accepting_paused), "only reserved descriptors are left");
  EXPECT_LE(running->connections(), 5U);
  std::vector<Descriptor> programs_own;
  for (int i = 0; i < 19; ++i) {
    programs_own.push_back(some_file());
    EXPECT_TRUE(programs_own.back().holds_one());
  }
}

TEST_F(server, keeps_the_reserve_also_when_clients_come_and_go) {
  open(echo, {.server_limits = {.descriptor_reserve = 20}});
  std::deque<RawStream> clients;
  for (int i = 0; i < 30; ++i) clients.push_back(connect());
  const int next = some_file().get();
  const FewDescriptors few(static_cast<rlim_t>(next) + 24);
  ASSERT_TRUE(until([&] { return count(Kind::accepting_paused) == 1; }));
  const std::size_t most = Inventory::take().descriptors.size();  // the clients' ends are here, too
  for (int i = 0; i < 8; ++i) {
    clients.pop_front();  // makes room for one of those who wait
    const std::size_t accepted = count(Kind::connected);
    ASSERT_TRUE(until([&] { return count(Kind::connected) > accepted; }));
    for (int turn = 0; turn < 5; ++turn) loop.turn();
    EXPECT_LE(Inventory::take().descriptors.size(), most);
  }
}

TEST_F(server, does_not_fall_silent_when_handlers_end_at_once_within_the_reserve) {
  open(greet, {.server_limits = {.descriptor_reserve = 20}});
  std::vector<RawStream> clients;
  for (int i = 0; i < 4; ++i) clients.push_back(connect());
  const int next = some_file().get();
  const FewDescriptors few(static_cast<rlim_t>(next) + 10);  // every client is within the reserve
  for (RawStream& client : clients) EXPECT_TRUE(until_received(client, "hello\n"));
}

/// Takes its time over each message, as a handler with real work does.
Task<> work_hard(Connection connection, std::size_t& worked) {
  while (auto message = co_await connection.receive()) {
    work_for(50us);
    ++worked;
    co_await connection.send(*message);
  }
}

TEST_F(server, lets_nobodys_flood_keep_the_others_waiting) {
  constexpr std::size_t flood = 2000;
  std::size_t worked = 0;
  open([&](Connection connection) { return work_hard(std::move(connection), worked); });
  RawStream flooder = connect();
  RawStream other = connect();
  ASSERT_TRUE(until_connections(2));
  std::string messages;
  for (std::size_t i = 0; i < flood; ++i) messages += "more\n";
  ASSERT_EQ(flooder.send(messages), static_cast<ssize_t>(messages.size()));
  other.send("me\n");
  ASSERT_TRUE(until_received(other, "me\n"));
  EXPECT_LT(worked, flood / 4);
  ASSERT_TRUE(until_received(flooder, messages));
  EXPECT_EQ(worked, flood + 1);
}

}  // namespace
}  // namespace hallway
