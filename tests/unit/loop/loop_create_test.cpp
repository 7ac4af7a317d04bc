// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <array>
#include <cerrno>
#include <system_error>

#include <hallway/connection.hpp>
#include <hallway/loop.hpp>
#include <hallway/server.hpp>

#include "support/conversation.hpp"
#include "support/faults.hpp"
#include "support/temp_directory.hpp"
#include "support/waiting.hpp"

namespace hallway {
namespace {

using namespace test;

constexpr auto opening =
    std::to_array({sys::Call::epoll_create, sys::Call::eventfd, sys::Call::epoll_ctl});

TEST(loop_create, gives_a_loop_that_works) {
  auto loop = Loop::create({.spin = Duration::zero()});
  ASSERT_TRUE(loop);
  bool done = false;
  loop->spawn([](Loop& on, bool& flag) -> Task<> {
    co_await on.sleep(1ms);
    flag = true;
  }(*loop, done));
  EXPECT_EQ(loop->run(), 0);
  EXPECT_TRUE(done);
}

TEST(loop_create, reports_what_the_kernel_refuses) {
  for (const sys::Call call : opening) {
    const FaultOn fault(call, 1, EMFILE);
    const auto loop = Loop::create();
    ASSERT_FALSE(loop);
    EXPECT_EQ(loop.error().code, std::errc::too_many_files_open);
    EXPECT_EQ(loop.error().operation, "open");
  }
}

TEST(loop, that_cannot_work_is_reported_by_what_is_opened_first) {
  for (const sys::Call call : opening) {
    const TempDirectory directory;
    const FaultOn fault(call, 1, EMFILE);
    Loop loop;
    const auto server = Server::open(loop, directory / "s", echo);
    ASSERT_FALSE(server);
    EXPECT_EQ(server.error().code, std::errc::too_many_files_open);
    const auto pair = Connection::pair(loop);
    ASSERT_FALSE(pair);
    EXPECT_EQ(pair.error().code, std::errc::too_many_files_open);
    EXPECT_EQ(loop.run(), 1);
    EXPECT_FALSE(loop.turn());
    EXPECT_THROW(loop.run([](Loop& on) -> Task<> { co_await on.sleep(1ms); }(loop)),
                 std::system_error);
  }
}

}  // namespace
}  // namespace hallway
