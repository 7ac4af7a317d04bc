// SPDX-License-Identifier: Apache-2.0
//
// Connection::connect(): what it gives, and what it does while a server is busy.
#include <gtest/gtest.h>

#include <unistd.h>

#include <cerrno>
#include <optional>
#include <string>
#include <vector>

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

TEST_F(connecting, reaches_a_server_and_knows_who_it_is) {
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
  EXPECT_EQ(error_at(path, {.deadline = 60ms}).code, std::errc::timed_out);
  EXPECT_GE(Loop::Clock::now() - before, 60ms);
  EXPECT_LT(attempts.calls(), 50U);
  EXPECT_GT(ticks, 0);
}

TEST_F(connecting, gets_in_as_soon_as_the_backlog_has_room) {
  const Descriptor server = raw_listening(SOCK_STREAM, path, 0);
  const Descriptor queued = raw_connected(SOCK_STREAM, path);
  std::optional<bool> connected;
  loop.spawn([](Loop& on, std::string address, std::optional<bool>& result) -> Task<> {
    const auto made = co_await Connection::connect(on, address, {.deadline = 10s});
    result = made.has_value();
  }(loop, path, connected));
  for (int i = 0; i < 3; ++i) loop.turn(1ms);
  EXPECT_FALSE(connected);
  const Descriptor accepted =
      Descriptor::adopt(::accept4(server.get(), nullptr, nullptr, SOCK_CLOEXEC));
  EXPECT_TRUE(run_until(loop, [&] { return connected.has_value(); }));
  EXPECT_EQ(connected, true);
}

TEST_F(connecting, is_cancelled_by_destroying_the_task) {
  const Descriptor server = raw_listening(SOCK_STREAM, path, 0);
  const Descriptor queued = raw_connected(SOCK_STREAM, path);
  {
    detail::TaskGroup group;
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
