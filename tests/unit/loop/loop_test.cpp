// SPDX-License-Identifier: Apache-2.0
#include <hallway/loop.hpp>

#include <gtest/gtest.h>

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "loop/loop_core.hpp"
#include "support/faults.hpp"
#include "support/processes.hpp"
#include "support/raw_socket.hpp"
#include "support/waiting.hpp"

namespace hallway {
namespace {

using namespace test;
using Clock = Loop::Clock;

// Running -----------------------------------------------------------------------------------------

TEST(loop, runs_not_at_all_without_work_and_ends_with_0) {
  Loop loop;
  EXPECT_FALSE(loop.error());
  EXPECT_EQ(loop.run(), 0);
  EXPECT_FALSE(loop.turn());
}

TEST(loop, starts_a_spawned_task_at_once_and_runs_until_it_ends) {
  Loop loop;
  std::vector<int> steps;
  loop.spawn([](Loop& on, std::vector<int>& list) -> Task<> {
    list.push_back(1);
    co_await on.sleep(1ms);
    list.push_back(2);
  }(loop, steps));
  EXPECT_EQ(steps, std::vector{1});
  EXPECT_EQ(loop.run(), 0);
  EXPECT_EQ(steps, (std::vector{1, 2}));
}

TEST(loop, destroys_tasks_that_are_left_at_its_end) {
  auto held = std::make_shared<int>(1);
  {
    Loop loop;
    loop.spawn([](Loop& on, std::shared_ptr<int> kept) -> Task<> {
      co_await on.sleep(forever);
      ++*kept;
    }(loop, held));
    EXPECT_EQ(held.use_count(), 2);
  }
  EXPECT_EQ(held.use_count(), 1);
  EXPECT_EQ(*held, 1);
}

TEST(loop, passes_on_the_exception_a_spawned_task_ends_with) {
  Loop loop;
  loop.spawn([](Loop& on) -> Task<> {
    co_await on.sleep(1ms);
    throw std::runtime_error("on purpose");
  }(loop));
  EXPECT_THROW(loop.run(), std::runtime_error);
  EXPECT_EQ(loop.run(), 0);
}

TEST(loop, passes_on_the_exception_a_task_given_to_run_ends_with) {
  Loop loop;
  const auto failing = [](Loop& on) -> Task<int> {
    co_await on.sleep(1ms);
    throw std::runtime_error("on purpose");
  };
  EXPECT_THROW(loop.run(failing(loop)), std::runtime_error);
  const auto failing_at_once = []() -> Task<> {
    throw std::runtime_error("at once");
    co_return;
  };
  EXPECT_THROW(loop.run(failing_at_once()), std::runtime_error);
}

TEST(loop, advances_other_tasks_while_it_runs_one) {
  Loop loop;
  int ticks = 0;
  loop.spawn([](Loop& on, int& count) -> Task<> {
    for (;;) {
      co_await on.sleep(1ms);
      ++count;
    }
  }(loop, ticks));
  loop.run([](Loop& on, int& count) -> Task<> {
    while (count < 3) co_await on.sleep(1ms);
  }(loop, ticks));
  EXPECT_GE(ticks, 3);
}

TEST(loop, throws_from_the_run_of_a_task_when_it_is_stopped) {
  Loop loop;
  loop.post([&] { loop.stop(5); });
  try {
    loop.run([](Loop& on) -> Task<> { co_await on.sleep(forever); }(loop));
    ADD_FAILURE() << "the task ended";
  } catch (const std::system_error& error) {
    EXPECT_EQ(error.code(), std::errc::operation_canceled);
  }
  EXPECT_EQ(loop.run(Task<int>([]() -> Task<int> { co_return 3; }())), 3);
}

TEST(loop, ends_with_the_status_given_to_stop_and_keeps_its_tasks) {
  Loop loop;
  bool finished = false;
  loop.spawn([](Loop& on, bool& done) -> Task<> {
    co_await on.sleep(1ms);
    on.stop(7);
    co_await on.sleep(1ms);
    done = true;
  }(loop, finished));
  EXPECT_EQ(loop.run(), 7);
  EXPECT_FALSE(finished);
  EXPECT_EQ(loop.run(), 0);
  EXPECT_TRUE(finished);
}

TEST(loop, says_after_a_turn_whether_anything_is_left) {
  Loop loop;
  loop.spawn([](Loop& on) -> Task<> { co_await on.sleep(1ms); }(loop));
  EXPECT_TRUE(loop.turn());
  while (loop.turn(1s)) {
  }
  EXPECT_FALSE(loop.turn());
}

TEST(loop, waits_in_a_turn_no_longer_than_requested) {
  Loop loop;
  loop.spawn([](Loop& on) -> Task<> { co_await on.sleep(forever); }(loop));
  const auto start = Clock::now();
  loop.turn(5ms);
  EXPECT_GE(Clock::now() - start, 5ms);
}

TEST(loop, says_why_it_cannot_work_when_the_kernel_gave_no_descriptors) {
  for (const sys::Call call : {sys::Call::epoll_create, sys::Call::eventfd, sys::Call::epoll_ctl}) {
    const FaultOn fault(call, 1, EMFILE);
    Loop loop;
    ASSERT_TRUE(loop.error());
    EXPECT_EQ(loop.error()->code, std::errc::too_many_files_open);
    EXPECT_EQ(loop.run(), 1);
    EXPECT_FALSE(loop.on_signal(SIGUSR1, [] {}));
    EXPECT_FALSE(loop.drain_on({SIGUSR1}));
  }
}

// Sleeping ----------------------------------------------------------------------------------------

Task<> nap(Loop& loop, Duration duration, std::vector<std::string>& log, std::string name) {
  co_await loop.sleep(duration);
  log.push_back(std::move(name));
}

TEST(sleep, ends_in_the_order_of_its_times) {
  Loop loop;
  std::vector<std::string> log;
  loop.spawn(nap(loop, 6ms, log, "third"));
  loop.spawn(nap(loop, 2ms, log, "first"));
  loop.spawn(nap(loop, 4ms, log, "second"));
  loop.spawn(nap(loop, 0ms, log, "at once"));
  loop.run();
  EXPECT_EQ(log, (std::vector<std::string>{"at once", "first", "second", "third"}));
}

TEST(sleep, ends_in_the_order_of_its_start_where_times_are_equal) {
  Loop loop;
  const auto when = Clock::now();
  std::vector<int> log;
  detail::CallbackTimer one([&] { log.push_back(1); });
  detail::CallbackTimer two([&] { log.push_back(2); });
  one.start(loop.core(), when);
  two.start(loop.core(), when);
  loop.turn();
  EXPECT_EQ(log, (std::vector{1, 2}));
}

TEST(sleep, never_ends_early) {
  Loop loop;
  for (int i = 0; i < 10; ++i) {
    const auto start = Clock::now();
    loop.run([](Loop& on) -> Task<> { co_await on.sleep(1ms); }(loop));
    EXPECT_GE(Clock::now() - start, 1ms);
  }
}

TEST(sleep, takes_a_negative_time_for_none) {
  Loop loop;
  loop.run([](Loop& on) -> Task<> { co_await on.sleep(-1h); }(loop));
}

TEST(sleep, lets_events_through_however_often_a_task_sleeps_for_no_time) {
  Loop loop;
  bool woken = false;
  loop.post([&] { woken = true; });
  loop.run([](Loop& on, const bool& flag) -> Task<> {
    while (!flag) co_await on.sleep(0ms);
  }(loop, woken));
}

TEST(sleep, ends_with_its_task) {
  Loop loop;
  {
    detail::TaskGroup group(loop.core());
    group.spawn([](Loop& on) -> Task<> { co_await on.sleep(1ms); }(loop));
  }
  std::vector<std::string> log;
  loop.spawn(nap(loop, 2ms, log, "later"));
  loop.run();
  EXPECT_EQ(log.size(), 1U);
}

// Ready -------------------------------------------------------------------------------------------

TEST(readable, waits_until_something_can_be_read) {
  Loop loop;
  auto [near, far] = raw_pair(SOCK_STREAM);
  bool ready = false;
  loop.spawn([](Loop& on, int descriptor, bool& flag) -> Task<> {
    co_await on.readable(descriptor);
    flag = true;
  }(loop, near.get(), ready));
  loop.turn();
  EXPECT_FALSE(ready);
  raw_send(far.get(), "x");
  EXPECT_TRUE(run_until(loop, [&] { return ready; }));
}

TEST(readable, is_over_when_the_peer_is_gone) {
  Loop loop;
  auto [near, far] = raw_pair(SOCK_STREAM);
  far.close();
  loop.run([](Loop& on, int descriptor) -> Task<> { co_await on.readable(descriptor); }(
                                            loop, near.get()));
}

TEST(readable, can_be_awaited_again_on_the_same_descriptor) {
  Loop loop;
  auto [near, far] = raw_pair(SOCK_STREAM);
  raw_send(far.get(), "x");
  loop.run([](Loop& on, int descriptor) -> Task<> {
    co_await on.readable(descriptor);
    co_await on.readable(descriptor);
    co_await on.writable(descriptor);
  }(loop, near.get()));
}

TEST(readable, takes_a_regular_file_for_always_ready) {
  Loop loop;
  const Descriptor file = some_file();
  loop.run([](Loop& on, int descriptor) -> Task<> {
    for (int i = 0; i < 1000; ++i) co_await on.readable(descriptor);
  }(loop, file.get()));
}

TEST(readable, looks_now_and_then_where_epoll_has_no_room) {
  for (const int error : {ENOSPC, ENOMEM}) {
    Loop loop;
    auto [near, far] = raw_pair(SOCK_STREAM);
    const FaultOn fault(sys::Call::epoll_ctl, 1, error, FaultOn::always);
    int looks = 0;
    loop.spawn([](Loop& on, const Descriptor& socket, int& count) -> Task<> {
      while (raw_receive(socket.get()).result < 0) {
        ++count;
        co_await on.readable(socket.get());
      }
    }(loop, near, looks));
    EXPECT_TRUE(run_until(loop, [&] { return looks == 3; }));
    raw_send(far.get(), "x");
    EXPECT_EQ(loop.run(), 0);
    EXPECT_LE(looks, 4);
  }
}

TEST(readable, lets_go_of_the_descriptor_with_its_task) {
  Loop loop;
  auto [near, far] = raw_pair(SOCK_STREAM);
  for (int i = 0; i < 2; ++i) {
    detail::TaskGroup group(loop.core());
    group.spawn([](Loop& on, int descriptor) -> Task<> { co_await on.readable(descriptor); }(
                                                 loop, near.get()));
    raw_send(far.get(), "x");
  }
  loop.turn();
}

TEST(writable, waits_until_there_is_room) {
  Loop loop;
  auto [near, far] = raw_pair(SOCK_STREAM);
  while (raw_send(near.get(), std::string(10'000, 'x')) > 0) {
  }
  bool ready = false;
  loop.spawn([](Loop& on, int descriptor, bool& flag) -> Task<> {
    co_await on.writable(descriptor);
    flag = true;
  }(loop, near.get(), ready));
  loop.turn();
  EXPECT_FALSE(ready);
  RawStream(std::move(far)).collect();
  EXPECT_TRUE(run_until(loop, [&] { return ready; }));
}

// Other threads -----------------------------------------------------------------------------------

TEST(post, runs_an_action_on_the_loops_thread_in_a_later_turn) {
  Loop loop;
  const auto loops_thread = std::this_thread::get_id();
  bool ran = false;
  std::thread other([&] {
    loop.post([&] {
      EXPECT_EQ(std::this_thread::get_id(), loops_thread);
      ran = true;
    });
  });
  EXPECT_TRUE(run_until(loop, [&] { return ran; }));
  other.join();
}

TEST(post, wakes_a_loop_that_waits) {
  Loop loop;
  std::atomic<bool> running = false;
  loop.spawn([](Loop& on, std::atomic<bool>& flag) -> Task<> {
    flag = true;
    flag.notify_one();
    co_await on.sleep(forever);
  }(loop, running));
  std::thread other([&] {
    running.wait(false);
    loop.post([&] { loop.stop(5); });
  });
  EXPECT_EQ(loop.run(), 5);
  other.join();
}

TEST(post, keeps_every_action_of_every_thread_and_the_order_within_one) {
  constexpr int threads = 4;
  constexpr int each = 1000;
  Loop loop;
  std::vector<std::vector<int>> seen(threads);
  {
    std::vector<std::jthread> others;
    for (int thread = 0; thread < threads; ++thread) {
      others.emplace_back([&, thread] {
        for (int i = 0; i < each; ++i) {
          loop.post([&, thread, i] { seen[static_cast<std::size_t>(thread)].push_back(i); });
        }
      });
    }
    EXPECT_TRUE(run_until(loop, [&] {
      std::size_t count = 0;
      for (const auto& list : seen) count += list.size();
      return count == std::size_t{threads} * each;
    }));
  }
  for (const auto& list : seen) EXPECT_TRUE(std::ranges::is_sorted(list));
}

TEST(post, may_be_called_from_an_action_and_counts_as_work) {
  Loop loop;
  int depth = 0;
  loop.post([&] { loop.post([&] { depth = 2; }); });
  EXPECT_EQ(loop.run(), 0);
  EXPECT_EQ(depth, 2);
}

TEST(post, loses_no_action_that_comes_after_one_that_throws) {
  Loop loop;
  std::vector<int> ran;
  for (const int number : {1, 2, 3}) {
    loop.post([&ran, &loop, number] {
      ran.push_back(number);
      if (number == 1) loop.post([&ran] { ran.push_back(4); });
      if (number != 3) throw std::runtime_error("not this one");
    });
  }
  EXPECT_THROW(loop.turn(), std::runtime_error);
  EXPECT_THROW(loop.run(), std::runtime_error);
  EXPECT_EQ(loop.run(), 0);
  EXPECT_EQ(ran, (std::vector{1, 2, 3, 4}));
}

TEST(post, takes_actions_that_can_only_be_moved) {
  Loop loop;
  int got = 0;
  loop.post([value = std::make_unique<int>(3), &got] { got = *value; });
  loop.run();
  EXPECT_EQ(got, 3);
}

/// Notes that it was run, and does something.
class CountedWakeup : public detail::AsyncWakeup {
 public:
  explicit CountedWakeup(
      Loop& loop, std::function<void()> action = [] {})
      : AsyncWakeup(loop.core()), action_(std::move(action)) {}
  [[nodiscard]] int times() const noexcept { return times_; }

 private:
  void run() override {
    ++times_;
    action_();
  }

  std::function<void()> action_;
  int times_ = 0;
};

TEST(async_wakeup, asked_for_by_many_threads_at_once_is_run_on_the_loops) {
  Loop loop;
  const auto loops_thread = std::this_thread::get_id();
  CountedWakeup wakeup(loop, [&] { EXPECT_EQ(std::this_thread::get_id(), loops_thread); });
  {
    std::vector<std::jthread> others;
    for (int i = 0; i < 4; ++i) {
      others.emplace_back([&] {
        for (int times = 0; times < 1000; ++times) wakeup.trigger();
      });
    }
    EXPECT_TRUE(run_until(loop, [&] { return wakeup.times() > 0; }));
  }
  const int before = wakeup.times();
  wakeup.trigger();
  EXPECT_TRUE(run_until(loop, [&] { return wakeup.times() > before; }));
}

TEST(async_wakeup, asked_for_twice_is_run_once) {
  Loop loop;
  CountedWakeup wakeup(loop);
  wakeup.trigger();
  wakeup.trigger();
  EXPECT_EQ(loop.run(), 0);
  EXPECT_EQ(wakeup.times(), 1);
}

TEST(async_wakeup, that_triggers_itself_lets_others_run) {
  Loop loop;
  std::optional<CountedWakeup> wakeup;
  wakeup.emplace(loop, [&] { wakeup->trigger(); });
  wakeup->trigger();
  EXPECT_TRUE(loop.turn());
  EXPECT_EQ(wakeup->times(), 1);
  loop.turn();
  EXPECT_EQ(wakeup->times(), 2);
}

TEST(async_wakeup, is_not_run_once_it_is_destroyed) {
  Loop loop;
  std::optional<CountedWakeup> second;
  CountedWakeup first(loop, [&] { second.reset(); });
  int times = 0;
  second.emplace(loop, [&] { ++times; });
  first.trigger();
  second->trigger();
  EXPECT_EQ(loop.run(), 0);
  EXPECT_EQ(first.times(), 1);
  EXPECT_EQ(times, 0);
}

TEST(async_wakeup, is_not_lost_when_one_before_it_throws) {
  Loop loop;
  CountedWakeup first(loop, [] { throw std::runtime_error("not this one"); });
  CountedWakeup second(loop);
  first.trigger();
  second.trigger();
  EXPECT_THROW(loop.run(), std::runtime_error);
  EXPECT_EQ(loop.run(), 0);
  EXPECT_EQ(second.times(), 1);
}

#ifndef NDEBUG
TEST(loop, stops_a_debug_build_that_uses_it_from_another_thread) {
  const std::string end = in_a_child([] {
    ::close(2);
    Loop loop;
    loop.turn();
    std::thread([&] { loop.turn(); }).join();
    return std::string("nothing happened");
  });
  EXPECT_EQ(end, "signal " + std::to_string(SIGABRT));
}
#endif

// A foreign loop ----------------------------------------------------------------------------------

/// What a program with a loop of its own does: poll the descriptor, then turn.
bool poll_and_turn(Loop& loop, const std::function<bool()>& condition) {
  const auto deadline = Clock::now() + patience;
  while (!condition()) {
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now());
    pollfd waited{loop.descriptor(), POLLIN, 0};
    if (::poll(&waited, 1, static_cast<int>(left.count())) <= 0) return false;
    loop.turn();
  }
  return true;
}

TEST(foreign_loop, sees_timers_by_polling_one_descriptor) {
  Loop loop;
  std::vector<std::string> log;
  const auto start = Clock::now();
  loop.spawn(nap(loop, 3ms, log, "second"));
  loop.spawn(nap(loop, 1ms, log, "first"));
  EXPECT_TRUE(poll_and_turn(loop, [&] { return log.size() == 2; }));
  EXPECT_EQ(log.front(), "first");
  EXPECT_GE(Clock::now() - start, 3ms);
}

TEST(foreign_loop, is_notified_that_there_is_no_timer_for_it) {
  for (const sys::Call call : {sys::Call::timerfd_create, sys::Call::epoll_ctl}) {
    Loop loop;
    const FaultOn fault(call, 1, EMFILE);
    EXPECT_NE(loop.descriptor(), 0);
    ASSERT_TRUE(loop.error());
    EXPECT_EQ(loop.error()->code, std::errc::too_many_files_open);
  }
}

TEST(foreign_loop, sees_sockets_and_posted_actions) {
  Loop loop;
  auto [near, far] = raw_pair(SOCK_STREAM);
  bool readable = false;
  loop.spawn([](Loop& on, int descriptor, bool& flag) -> Task<> {
    co_await on.readable(descriptor);
    flag = true;
  }(loop, near.get(), readable));
  raw_send(far.get(), "x");
  EXPECT_TRUE(poll_and_turn(loop, [&] { return readable; }));
  bool posted = false;
  std::thread other([&] { loop.post([&] { posted = true; }); });
  EXPECT_TRUE(poll_and_turn(loop, [&] { return posted; }));
  other.join();
}

TEST(foreign_loop, is_notified_of_a_task_that_can_run_at_once) {
  Loop loop;
  EXPECT_GE(loop.descriptor(), 0);
  std::vector<std::string> log;
  loop.spawn([](Loop& on, std::vector<std::string>& list) -> Task<> {
    for (int i = 0; i < 3; ++i) co_await nap(on, 0ms, list, "step");
  }(loop, log));
  EXPECT_TRUE(poll_and_turn(loop, [&] { return log.size() == 3; }));
}

TEST(foreign_loop, is_not_woken_when_there_is_nothing_to_do) {
  Loop loop;
  loop.spawn([](Loop& on) -> Task<> { co_await on.sleep(forever); }(loop));
  pollfd waited{loop.descriptor(), POLLIN, 0};
  loop.turn();
  EXPECT_EQ(::poll(&waited, 1, 0), 0);
  EXPECT_TRUE(is_close_on_exec(loop.descriptor()));
}

TEST(foreign_loop, is_not_woken_for_a_turn_that_it_has_announced) {
  Loop loop;
  std::vector<std::string> log;
  pollfd waited{loop.descriptor(), POLLIN, 0};
  const auto start = [&] { loop.spawn(nap(loop, 0ms, log, "ran")); };
  loop.expect_turn();
  start();
  EXPECT_EQ(::poll(&waited, 1, 0), 0);
  loop.turn();
  EXPECT_TRUE(poll_and_turn(loop, [&] { return log.size() == 1; }));
  start();
  loop.expect_turn();  // too late to save anything
  EXPECT_EQ(::poll(&waited, 1, 0), 1);
  EXPECT_TRUE(poll_and_turn(loop, [&] { return log.size() == 2; }));
  EXPECT_EQ(::poll(&waited, 1, 0), 0);
}

TEST(foreign_loop, is_woken_for_what_a_flush_leaves) {
  Loop loop;
  std::vector<std::string> log;
  pollfd waited{loop.descriptor(), POLLIN, 0};
  loop.turn();
  loop.expect_turn();
  loop.spawn(nap(loop, 0ms, log, "ran"));
  EXPECT_EQ(::poll(&waited, 1, 0), 0);
  EXPECT_TRUE(loop.flush());
  EXPECT_TRUE(log.empty());
  EXPECT_TRUE(poll_and_turn(loop, [&] { return log.size() == 1; }));
}

TEST(foreign_loop, is_woken_once_at_the_time_of_a_timer_that_was_stopped) {
  Loop loop;
  std::vector<std::string> log;
  auto stopped = loop.spawn(nap(loop, 5ms, log, "never"));
  loop.spawn(nap(loop, 20ms, log, "later"));
  pollfd waited{loop.descriptor(), POLLIN, 0};
  stopped.cancel();
  EXPECT_TRUE(poll_and_turn(loop, [&] { return log.size() == 1; }));
  EXPECT_EQ(log.front(), "later");
  EXPECT_EQ(::poll(&waited, 1, 0), 0);
}

TEST(foreign_loop, is_not_woken_again_by_a_timer_that_fired) {
  Loop loop;
  std::vector<std::string> log;
  loop.spawn(nap(loop, 1ms, log, "once"));
  ASSERT_TRUE(poll_and_turn(loop, [&] { return !log.empty(); }));
  loop.turn();
  pollfd waited{loop.descriptor(), POLLIN, 0};
  EXPECT_EQ(::poll(&waited, 1, 0), 0);
}

/// A loop that would poll for longer than any of these tests takes.
class foreign_loop_that_polls : public testing::Test {
 protected:
  void SetUp() override {
    loop.spawn([](Loop& on, int descriptor, int& count) -> Task<> {
      while (true) {
        co_await on.readable(descriptor);
        char byte = 0;
        if (::read(descriptor, &byte, 1) == 1) ++count;
      }
    }(loop, near.get(), arrived));
  }

  /// One message, for which the program sleeps.
  void have_traffic() {
    const int before = arrived;
    raw_send(far.get(), "x");
    ASSERT_TRUE(poll_and_turn(loop, [&] { return arrived > before; }));
  }

  std::pair<Descriptor, Descriptor> sockets = raw_pair(SOCK_STREAM);
  Descriptor& near = sockets.first;
  Descriptor& far = sockets.second;
  int arrived = 0;
  std::vector<std::string> log;
  Clock::time_point began = Clock::now();
  Loop loop{{.spin = 10s}};
};

TEST_F(foreign_loop_that_polls, sees_without_sleep_what_comes_soon) {
  // While others want the core it does not poll.
  bool seen = false;
  for (const auto deadline = Clock::now() + patience; !seen && Clock::now() < deadline;) {
    have_traffic();
    const int before = arrived;
    std::thread peer([&] {
      std::this_thread::sleep_for(1ms);
      raw_send(far.get(), "x");
    });
    EXPECT_TRUE(loop.turn_if_soon());
    seen = arrived > before;
    peer.join();
    EXPECT_TRUE(poll_and_turn(loop, [&] { return arrived > before; }));
  }
  EXPECT_TRUE(seen);
}

TEST_F(foreign_loop_that_polls, does_not_poll_without_traffic) {
  EXPECT_TRUE(loop.turn_if_soon());
  EXPECT_LT(Clock::now() - began, 5s);
}

TEST_F(foreign_loop_that_polls, polls_no_longer_than_until_the_next_timer) {
  have_traffic();
  loop.spawn(nap(loop, 5ms, log, "due"));
  EXPECT_TRUE(loop.turn_if_soon());
  EXPECT_TRUE(poll_and_turn(loop, [&] { return !log.empty(); }));
  EXPECT_LT(Clock::now() - began, 5s);
}

TEST_F(foreign_loop_that_polls, does_at_once_what_can_be_done) {
  have_traffic();
  loop.spawn(nap(loop, 0ms, log, "ran"));
  EXPECT_TRUE(loop.turn_if_soon());
  EXPECT_EQ(log.size(), 1U);
  EXPECT_LT(Clock::now() - began, 5s);
}

}  // namespace
}  // namespace hallway
