// SPDX-License-Identifier: Apache-2.0
//
// Connection::connect(): what it gives, and what it does while a server is busy.
#include <gtest/gtest.h>

#include <unistd.h>

#include <cerrno>
#include <optional>
#include <string>
#include <vector>

#include <hallway/client.hpp>
#include <hallway/connection.hpp>

#include "loop/task_group.hpp"
#include "support/faults.hpp"
#include "support/inventory.hpp"
#include "support/serving.hpp"

namespace hallway {
namespace {

using namespace test;

class connecting : public Serving {
 protected:
  /// The error of an attempt that must fail.
  Error error_at(const std::string& address, ConnectOptions options = {}) {
    const auto connected = loop.run(Connection::connect(loop, address, std::move(options)));
    EXPECT_FALSE(connected);
    return connected ? Error{} : connected.error();
  }
};

TEST_F(connecting, reaches_a_server_and_knows_its_user) {
  for (const SocketType kind : {SocketType::stream, SocketType::seqpacket}) {
    open(echo, {.type = kind});
    auto connected = loop.run(Connection::connect(loop, path, {.type = kind}));
    ASSERT_TRUE(connected);
    EXPECT_EQ(connected->peer().pid, ::getpid());
    EXPECT_EQ(connected->peer().uid, ::geteuid());
    EXPECT_EQ(connected->address().name(), path);
    EXPECT_EQ(connected->type(), kind);
    EXPECT_EQ(connected->number(), 0U);
    EXPECT_TRUE(connected->peer_groups());
    loop.run([](Connection& connection) -> Task<> {
      Received reply = co_await connection.request("ping");
      EXPECT_EQ(reply->bytes(), "ping");
    }(*connected));
    running.reset();
  }
}

TEST_F(connecting, reaches_an_abstract_name_and_a_long_path) {
  for (const std::string& address :
       {"@hallway-test-c" + std::to_string(::getpid()), directory / std::string(180, 'n')}) {
    path = address;
    open(echo);
    EXPECT_TRUE(loop.run(Connection::connect(loop, address)));
    running.reset();
  }
}

TEST_F(connecting, explains_why_it_failed) {
  EXPECT_EQ(error_at(path).code, std::errc::no_such_file_or_directory);
  raw_bound(SOCK_STREAM, path).close();
  EXPECT_EQ(error_at(path).code, std::errc::connection_refused);
  EXPECT_NE(error_at(path).explain().find(path), std::string::npos);
  const Descriptor packets = raw_listening(SOCK_SEQPACKET, directory / "p");
  EXPECT_EQ(error_at(directory / "p").code, std::errc::wrong_protocol_type);
  EXPECT_EQ(error_at("").code, std::errc::invalid_argument);
  EXPECT_EQ(error_at(path, {.type = SocketType::datagram}).code, std::errc::invalid_argument);
}

TEST_F(connecting, supports_the_policies_that_broadcasts_support) {
  open(echo);
  for (const OverflowPolicy policy : broadcast_policies) {
    EXPECT_TRUE(loop.run(Connection::connect(loop, path, {.connection = {.overflow = policy}})));
  }
  const ConnectOptions options{.connection = {.overflow = OverflowPolicy::fail}};
  EXPECT_EQ(error_at(path, options).explain(),
            "overflow policy fail: a connection's broadcasts support wait, drop_oldest, "
            "drop_newest, disconnect");
  EXPECT_FALSE(Client::connect(path, options));
}

TEST_F(connecting, refuses_a_server_of_another_uid) {
  open(echo);
  EXPECT_EQ(error_at(path, {.server_uid = ::geteuid() + 1}).code,
            std::errc::operation_not_permitted);
  EXPECT_TRUE(loop.run(Connection::connect(loop, path, {.server_uid = ::geteuid()})));
}

TEST_F(connecting, retries_a_full_backlog_until_the_deadline_while_the_loop_goes_on) {
  const Descriptor server = raw_listening(SOCK_STREAM, path, 0);
  const Descriptor queued = raw_connected(SOCK_STREAM, path);
  int ticks = 0;
  loop.spawn([](Loop& on, int& count) -> Task<> {
    for (;;) {
      co_await on.sleep(1ms);
      ++count;
    }
  }(loop, ticks));
  const CallCount attempts(sys::Call::connect);
  const auto before = Loop::Clock::now();
  EXPECT_EQ(error_at(path, {.timeout = 60ms}).code, std::errc::timed_out);
  EXPECT_GE(Loop::Clock::now() - before, 60ms);
  EXPECT_LT(attempts.calls(), 50U);
  EXPECT_GT(ticks, 0);
}

TEST_F(connecting, gets_in_as_soon_as_the_backlog_has_room) {
  const Descriptor server = raw_listening(SOCK_STREAM, path, 0);
  const Descriptor queued = raw_connected(SOCK_STREAM, path);
  std::optional<bool> connected;
  loop.spawn([](Loop& on, std::string address, std::optional<bool>& result) -> Task<> {
    const auto made = co_await Connection::connect(on, address, {.timeout = 10s});
    result = made.has_value();
  }(loop, path, connected));
  for (int i = 0; i < 3; ++i) loop.turn(1ms);
  EXPECT_FALSE(connected);
  const Descriptor accepted =
      Descriptor::adopt(::accept4(server.get(), nullptr, nullptr, SOCK_CLOEXEC));
  EXPECT_TRUE(run_until(loop, [&] { return connected.has_value(); }));
  EXPECT_EQ(connected, true);
}

TEST_F(connecting, waits_for_a_server_that_starts_later) {
  for (const bool refused : {false, true}) {
    if (refused) raw_bound(SOCK_STREAM, path).close();
    std::optional<bool> connected;
    loop.spawn([](Loop& on, std::string address, std::optional<bool>& result) -> Task<> {
      const auto made = co_await Connection::connect(on, address, {.retry_for = 10s});
      result = made.has_value();
    }(loop, path, connected));
    for (int i = 0; i < 3; ++i) loop.turn(1ms);
    EXPECT_FALSE(connected);
    open(echo);
    EXPECT_TRUE(run_until(loop, [&] { return connected.has_value(); }));
    EXPECT_EQ(connected, true);
    running.reset();
  }
}

TEST_F(connecting, says_for_how_long_it_waited_for_a_server) {
  const CallCount attempts(sys::Call::connect);
  const auto before = Loop::Clock::now();
  const Error error = error_at(path, {.retry_for = 60ms});
  EXPECT_GE(Loop::Clock::now() - before, 60ms);
  EXPECT_EQ(error.code, std::errc::no_such_file_or_directory);
  EXPECT_EQ(error.reason, "there is no such socket (tried for 60ms)");
  EXPECT_GE(attempts.calls(), 3U);
  EXPECT_LE(attempts.calls(), 12U);
  raw_bound(SOCK_STREAM, path).close();
  EXPECT_EQ(error_at(path, {.retry_for = 60ms}).reason, "no server is listening (tried for 60ms)");
}

TEST_F(connecting, tries_once_unless_asked_to_wait_for_a_server) {
  const CallCount attempts(sys::Call::connect);
  EXPECT_EQ(error_at(path).reason, "there is no such socket");
  EXPECT_EQ(attempts.calls(), 1U);
}

TEST_F(connecting, waits_for_no_server_that_refuses_it) {
  open(echo);
  const CallCount attempts(sys::Call::connect);
  EXPECT_EQ(error_at(path, {.retry_for = 10s, .server_uid = ::geteuid() + 1}).code,
            std::errc::operation_not_permitted);
  EXPECT_EQ(attempts.calls(), 1U);
}

TEST_F(connecting, gives_a_server_that_started_the_whole_timeout) {
  std::optional<Error> error;
  std::optional<Loop::Clock::time_point> ended;
  loop.spawn([](Loop& on, std::string address, auto& result, auto& when) -> Task<> {
    const auto made =
        co_await Connection::connect(on, address, {.timeout = 60ms, .retry_for = 10s});
    EXPECT_FALSE(made);
    if (!made) result = made.error();
    when = Loop::Clock::now();
  }(loop, path, error, ended));
  const auto started = Loop::Clock::now();
  EXPECT_TRUE(run_until(loop, [&] { return Loop::Clock::now() - started > 80ms; }));
  EXPECT_FALSE(error);
  const Descriptor server = raw_listening(SOCK_STREAM, path, 0);
  const Descriptor queued = raw_connected(SOCK_STREAM, path);
  const auto full = Loop::Clock::now();
  EXPECT_TRUE(run_until(loop, [&] { return ended.has_value(); }));
  ASSERT_TRUE(error);
  EXPECT_EQ(error->code, std::errc::timed_out);
  EXPECT_GE(*ended - full, 60ms);
}

TEST_F(connecting, waits_no_longer_once_the_loop_drains) {
  std::optional<Error> error;
  loop.spawn([](Loop& on, std::string address, auto& result) -> Task<> {
    const auto made = co_await Connection::connect(on, address, {.retry_for = forever});
    EXPECT_FALSE(made);
    if (!made) result = made.error();
  }(loop, path, error));
  loop.turn();
  loop.drain(10s);
  EXPECT_EQ(loop.run(), 0);
  ASSERT_TRUE(error);
  EXPECT_EQ(error->code, std::errc::operation_canceled);
  EXPECT_EQ(error->reason, "the loop drains, and no server listens yet");
}

TEST_F(connecting, is_cancelled_by_destroying_the_task) {
  const Descriptor server = raw_listening(SOCK_STREAM, path, 0);
  const Descriptor queued = raw_connected(SOCK_STREAM, path);
  {
    detail::TaskGroup group(loop.core());
    group.spawn([](Loop& on, std::string address) -> Task<> {
      const auto made = co_await Connection::connect(on, address);
      EXPECT_FALSE(made);
    }(loop, path));
    loop.turn();
  }
  EXPECT_FALSE(loop.turn());
}

TEST_F(connecting, leaves_nothing_behind_whichever_call_fails) {
  const Descriptor server = raw_listening(SOCK_STREAM, path, 100);
  for (const sys::Call call : {sys::Call::socket, sys::Call::connect, sys::Call::getsockopt,
                               sys::Call::setsockopt, sys::Call::epoll_ctl}) {
    for (unsigned nth = 1;; ++nth) {
      const Inventory before = Inventory::take();
      const FaultOn fault(call, nth, ENOMEM);
      {
        const auto connected = loop.run(Connection::connect(loop, path));
      }
      EXPECT_EQ(before.difference(Inventory::take()), "");
      if (fault.calls() < nth) break;
    }
  }
}

}  // namespace
}  // namespace hallway
