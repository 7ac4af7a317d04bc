// SPDX-License-Identifier: Apache-2.0
//
// Signals and draining.
#include <gtest/gtest.h>

#include <unistd.h>

#include <csignal>
#include <stdexcept>
#include <string>
#include <vector>

#include <hallway/detail/race.hpp>
#include <hallway/loop.hpp>
#include <hallway/semaphore.hpp>
#include <hallway/task_handle.hpp>

#include "support/processes.hpp"
#include "support/waiting.hpp"

namespace hallway {
namespace {

using namespace test;

Task<> sleep_on(Loop& loop) { co_await loop.sleep(forever); }

/// A drain does not end it.
Task<> go_on(Duration time) { co_await detail::Pause(time); }

sighandler_t handler_of(int signal) {
  struct sigaction action{};
  ::sigaction(signal, nullptr, &action);
  return action.sa_handler;
}

TEST(on_signal, calls_its_action_whenever_the_signal_arrives) {
  Loop loop;
  int calls = 0;
  const auto counting = loop.on_signal(SIGUSR1, [&] { ++calls; });
  ASSERT_TRUE(counting);
  for (int i = 1; i <= 3; ++i) {
    ::raise(SIGUSR1);
    EXPECT_TRUE(run_until(loop, [&] { return calls == i; }));
  }
}

TEST(on_signal, wakes_a_loop_that_waits) {
  Loop loop;
  const auto stopping = loop.on_signal(SIGUSR1, [&] { loop.stop(9); });
  ASSERT_TRUE(stopping);
  loop.spawn(sleep_on(loop));
  const pid_t us = ::getpid();
  ForkedProcess other([us](const auto&) { ::kill(us, SIGUSR1); });
  EXPECT_EQ(loop.run(), 9);
}

TEST(on_signal, keeps_an_action_that_throws) {
  Loop loop;
  int calls = 0;
  const auto throwing = loop.on_signal(SIGUSR1, [&calls] {
    ++calls;
    throw std::runtime_error("no");
  });
  ASSERT_TRUE(throwing);
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
  auto replaced = loop.on_signal(SIGUSR1, [&] { ++first; });
  ASSERT_TRUE(replaced);
  const auto replacing = loop.on_signal(SIGUSR1, [&] { ++second; });
  ASSERT_TRUE(replacing);
  *replaced = {};
  ::raise(SIGUSR1);
  EXPECT_TRUE(run_until(loop, [&] { return second == 1; }));
  EXPECT_EQ(first, 0);
}

TEST(on_signal, calls_no_action_that_was_destroyed_and_keeps_the_signal) {
  Loop loop;
  int calls = 0;
  {
    const auto counting = loop.on_signal(SIGUSR1, [&] { ++calls; });
    ASSERT_TRUE(counting);
  }
  ::raise(SIGUSR1);
  loop.turn(patience);
  EXPECT_EQ(calls, 0);
  EXPECT_NE(handler_of(SIGUSR1), SIG_DFL);
}

TEST(on_signal, calls_an_action_that_destroys_itself) {
  Loop loop;
  int calls = 0;
  Loop::SignalCallback callback;
  auto registered = loop.on_signal(SIGUSR1, [&, kept = std::string("in the action")] {
    callback = {};
    calls += kept.empty() ? 0 : 1;
  });
  ASSERT_TRUE(registered);
  callback = std::move(*registered);
  for (int i = 0; i < 2; ++i) {
    ::raise(SIGUSR1);
    loop.turn(patience);
  }
  EXPECT_EQ(calls, 1);
}

TEST(on_signal, takes_the_place_of_draining) {
  Loop loop;
  ASSERT_TRUE(loop.drain_on({SIGUSR1}));
  int calls = 0;
  const auto counting = loop.on_signal(SIGUSR1, [&] { ++calls; });
  ::raise(SIGUSR1);
  EXPECT_TRUE(run_until(loop, [&] { return calls == 1; }));
  EXPECT_FALSE(loop.draining());
}

TEST(on_signal, gives_a_callback_that_may_outlive_the_loop) {
  Loop::SignalCallback callback;
  {
    Loop loop;
    auto registered = loop.on_signal(SIGUSR1, [] {});
    ASSERT_TRUE(registered);
    callback = std::move(*registered);
  }
  callback = {};
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

TEST(drain, calls_each_callback_once) {
  Loop loop;
  std::vector<std::string> log;
  const auto a = loop.on_drain([&] { log.emplace_back("a"); });
  const auto b = loop.on_drain([&] { log.emplace_back("b"); });
  EXPECT_FALSE(loop.draining());
  loop.drain();
  loop.drain();
  EXPECT_TRUE(loop.draining());
  EXPECT_EQ(log, (std::vector<std::string>{"a", "b"}));
}

TEST(drain, calls_every_callback_although_one_throws) {
  Loop loop;
  int called = 0;
  std::vector<Loop::DrainCallback> callbacks;
  for (int i = 0; i < 3; ++i) {
    callbacks.push_back(loop.on_drain([&called] {
      ++called;
      throw std::runtime_error("no");
    }));
  }
  EXPECT_THROW(loop.drain(), std::runtime_error);
  EXPECT_EQ(called, 3);
  EXPECT_TRUE(loop.draining());
}

TEST(drain, calls_a_callback_at_once_when_it_has_begun) {
  Loop loop;
  loop.drain();
  bool called = false;
  const auto callback = loop.on_drain([&] { called = true; });
  EXPECT_TRUE(called);
}

TEST(drain, calls_no_callback_that_was_destroyed) {
  Loop loop;
  bool called = false;
  {
    const auto callback = loop.on_drain([&] { called = true; });
  }
  loop.drain();
  EXPECT_FALSE(called);
}

TEST(drain, calls_a_callback_that_destroys_itself_and_others) {
  Loop loop;
  int called = 0;
  Loop::DrainCallback a;
  Loop::DrainCallback b;
  a = loop.on_drain([&] {
    ++called;
    a = {};
    b = {};
  });
  b = loop.on_drain([&] { ++called; });
  loop.drain();
  EXPECT_EQ(called, 1);
}

TEST(drain, has_callbacks_that_may_outlive_the_loop) {
  Loop::DrainCallback callback;
  {
    Loop loop;
    callback = loop.on_drain([] {});
  }
  callback = {};
}

TEST(drain, ends_a_run_with_0_when_everything_finished_in_time) {
  Loop loop;
  loop.spawn([](Loop& on) -> Task<> {
    bool asked = false;
    const auto callback = on.on_drain([&] { asked = true; });
    while (!asked) co_await on.sleep(1ms);
  }(loop));
  loop.post([&] { loop.drain(10s); });
  EXPECT_EQ(loop.run(), 0);
}

TEST(drain, ends_a_run_with_1_when_time_is_up) {
  Loop loop;
  loop.spawn(go_on(forever));
  loop.drain(2ms);
  EXPECT_EQ(loop.run(), 1);
}

TEST(drain, takes_no_longer_than_its_time_limit) {
  Loop loop;
  bool too_late = false;
  loop.spawn([](bool& flag) -> Task<> {
    co_await go_on(450ms);
    flag = true;
  }(too_late));
  loop.drain(250ms);
  EXPECT_EQ(loop.run(), 1);
  EXPECT_FALSE(too_late);
}

TEST(drain, names_no_task_that_it_did_not_wait_for) {
  std::size_t named = 0;
  Loop loop({.on_drain_cut = [&](const std::vector<WaitingTask>& tasks) { named = tasks.size(); }});
  Semaphore none(loop, 0);
  loop.spawn([&]() -> Task<> { const auto permit = co_await none.acquire(); });
  loop.spawn([&]() -> Task<> {
    for (;;) co_await loop.sleep(10ms);
  });
  loop.drain(20ms);
  EXPECT_EQ(loop.run(), 1);
  EXPECT_EQ(named, 1U);
}

TEST(drain, gives_its_whole_time_also_behind_work_that_blocked_the_loop) {
  Loop loop;
  loop.spawn(go_on(forever));
  auto began = Loop::Clock::now();
  loop.post([&] {
    work_for(50ms);
    began = Loop::Clock::now();
    loop.drain(20ms);
  });
  EXPECT_EQ(loop.run(), 1);
  EXPECT_GE(Loop::Clock::now() - began, 20ms);
}

TEST(drain, waits_without_end_without_a_time_limit) {
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
    loop.spawn(go_on(forever));
    const auto again = loop.on_drain([second] { ::raise(second); });
    ::raise(SIGINT);
    EXPECT_EQ(loop.run(), 128 + second);
  }
}

}  // namespace
}  // namespace hallway
