// SPDX-License-Identifier: Apache-2.0
//
// Signals and draining.
#include <gtest/gtest.h>

#include <unistd.h>

#include <csignal>
#include <stdexcept>
#include <string>
#include <vector>

#include <hallway/loop.hpp>

#include "support/processes.hpp"
#include "support/waiting.hpp"

namespace hallway {
namespace {

using namespace test;

Task<> sleep_on(Loop& loop) { co_await loop.sleep(forever); }

sighandler_t handler_of(int signal) {
  struct sigaction action{};
  ::sigaction(signal, nullptr, &action);
  return action.sa_handler;
}

TEST(on_signal, calls_its_action_whenever_the_signal_arrives) {
  Loop loop;
  int calls = 0;
  ASSERT_TRUE(loop.on_signal(SIGUSR1, [&] { ++calls; }));
  for (int i = 1; i <= 3; ++i) {
    ::raise(SIGUSR1);
    EXPECT_TRUE(run_until(loop, [&] { return calls == i; }));
  }
}

TEST(on_signal, wakes_a_loop_that_waits) {
  Loop loop;
  ASSERT_TRUE(loop.on_signal(SIGUSR1, [&] { loop.stop(9); }));
  loop.spawn(sleep_on(loop));
  const pid_t us = ::getpid();
  ForkedProcess other([us](const auto&) { ::kill(us, SIGUSR1); });
  EXPECT_EQ(loop.run(), 9);
}

TEST(on_signal, keeps_an_action_that_throws) {
  Loop loop;
  int calls = 0;
  ASSERT_TRUE(loop.on_signal(SIGUSR1, [&calls] {
    ++calls;
    throw std::runtime_error("no");
  }));
  for (int i = 1; i <= 2; ++i) {
    ::raise(SIGUSR1);
    EXPECT_THROW(loop.turn(patience), std::runtime_error);
    EXPECT_EQ(calls, i);
  }
}

TEST(on_signal, replaces_its_own_earlier_action) {
  Loop loop;
  int first = 0;
  int second = 0;
  ASSERT_TRUE(loop.on_signal(SIGUSR1, [&] { ++first; }));
  ASSERT_TRUE(loop.on_signal(SIGUSR1, [&] { ++second; }));
  ::raise(SIGUSR1);
  EXPECT_TRUE(run_until(loop, [&] { return second == 1; }));
  EXPECT_EQ(first, 0);
}

TEST(on_signal, keeps_a_signal_from_a_second_loop_and_says_why) {
  Loop first;
  Loop second;
  ASSERT_TRUE(first.on_signal(SIGUSR1, [] {}));
  const auto refused = second.on_signal(SIGUSR1, [] {});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, std::errc::device_or_resource_busy);
  EXPECT_NE(refused.error().explain().find("another loop"), std::string::npos);
}

TEST(on_signal, gives_the_signal_back_with_the_end_of_the_loop) {
  {
    Loop loop;
    ASSERT_TRUE(loop.on_signal(SIGUSR1, [] {}));
    EXPECT_NE(handler_of(SIGUSR1), SIG_DFL);
  }
  EXPECT_EQ(handler_of(SIGUSR1), SIG_DFL);
  Loop next;
  EXPECT_TRUE(next.on_signal(SIGUSR1, [] {}));
}

TEST(on_signal, refuses_what_cannot_be_caught) {
  Loop loop;
  const auto refused = loop.on_signal(SIGKILL, [] {});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, std::errc::invalid_argument);
  EXPECT_FALSE(loop.drain_on({SIGTERM, SIGKILL}));
}

TEST(loop, touches_no_signal_by_itself) {
  Loop loop;
  loop.turn();
  for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGPIPE, SIGCHLD})
    EXPECT_EQ(handler_of(signal), SIG_DFL);
}

TEST(drain, tells_everything_that_asked_once) {
  Loop loop;
  std::vector<std::string> log;
  const int a = 0;
  const int b = 0;
  loop.on_drain(&a, [&] { log.emplace_back("a"); });
  loop.on_drain(&b, [&] { log.emplace_back("b"); });
  EXPECT_FALSE(loop.draining());
  loop.drain();
  loop.drain();
  EXPECT_TRUE(loop.draining());
  EXPECT_EQ(log, (std::vector<std::string>{"a", "b"}));
}

TEST(drain, tells_everybody_although_somebody_throws) {
  Loop loop;
  int told = 0;
  for (int i = 0; i < 3; ++i) {
    loop.on_drain(&loop, [&told] {
      ++told;
      throw std::runtime_error("no");
    });
  }
  EXPECT_THROW(loop.drain(), std::runtime_error);
  EXPECT_EQ(told, 3);
  EXPECT_TRUE(loop.draining());
}

TEST(drain, tells_at_once_whoever_asks_too_late) {
  Loop loop;
  loop.drain();
  bool told = false;
  loop.on_drain(&loop, [&] { told = true; });
  EXPECT_TRUE(told);
}

TEST(drain, tells_nobody_who_was_forgotten) {
  Loop loop;
  bool told = false;
  const int owner = 0;
  loop.on_drain(&owner, [&] { told = true; });
  loop.forget(&owner);
  loop.drain();
  EXPECT_FALSE(told);
}

TEST(drain, may_be_answered_by_forgetting_others) {
  Loop loop;
  const int a = 0;
  const int b = 0;
  int told = 0;
  loop.on_drain(&a, [&] {
    ++told;
    loop.forget(&b);
  });
  loop.on_drain(&b, [&] { ++told; });
  loop.drain();
  EXPECT_EQ(told, 1);
}

TEST(drain, ends_a_run_with_0_when_everything_finished_in_time) {
  Loop loop;
  loop.spawn([](Loop& on) -> Task<> {
    bool asked = false;
    on.on_drain(&on, [&] { asked = true; });
    while (!asked) co_await on.sleep(1ms);
  }(loop));
  loop.post([&] { loop.drain(10s); });
  EXPECT_EQ(loop.run(), 0);
}

TEST(drain, ends_a_run_with_1_when_time_is_up) {
  Loop loop;
  loop.spawn(sleep_on(loop));
  loop.drain(2ms);
  EXPECT_EQ(loop.run(), 1);
}

TEST(drain, gives_no_more_time_than_it_was_told_to) {
  Loop loop;
  bool too_late = false;
  loop.spawn([](Loop& on, bool& flag) -> Task<> {
    co_await on.sleep(450ms);
    flag = true;
  }(loop, too_late));
  loop.drain(250ms);
  EXPECT_EQ(loop.run(), 1);
  EXPECT_FALSE(too_late);
}

TEST(drain, gives_its_whole_time_also_behind_work_that_blocked_the_loop) {
  Loop loop;
  loop.spawn(sleep_on(loop));
  auto began = Loop::Clock::now();
  loop.post([&] {
    work_for(50ms);
    began = Loop::Clock::now();
    loop.drain(20ms);
  });
  EXPECT_EQ(loop.run(), 1);
  EXPECT_GE(Loop::Clock::now() - began, 20ms);
}

TEST(drain, waits_without_end_when_told_so) {
  Loop loop;
  loop.spawn([](Loop& on) -> Task<> { co_await on.sleep(2ms); }(loop));
  loop.drain(forever);
  EXPECT_EQ(loop.run(), 0);
}

TEST(drain_on, drains_at_the_first_signal) {
  Loop loop;
  ASSERT_TRUE(loop.drain_on({SIGINT, SIGTERM}));
  ::raise(SIGTERM);
  EXPECT_TRUE(run_until(loop, [&] { return loop.draining(); }));
  EXPECT_EQ(loop.run(), 0);
}

TEST(drain_on, stops_at_the_second_signal_with_128_and_its_number) {
  for (const int second : {SIGINT, SIGTERM}) {
    Loop loop;
    ASSERT_TRUE(loop.drain_on({SIGINT, SIGTERM}));
    loop.spawn(sleep_on(loop));
    loop.on_drain(&loop, [second] { ::raise(second); });
    ::raise(SIGINT);
    EXPECT_EQ(loop.run(), 128 + second);
  }
}

}  // namespace
}  // namespace hallway
