// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>
#include <hallway.h>
#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <optional>
#include <string>
#include <thread>

#include "unit/c/using_c.hpp"

namespace hallway {
namespace {

using namespace test;

class c_loop : public OnALoop {
 protected:
  hallway_outcome post(int& calls) {
    return hallway_loop_post(loop(), count_call, &calls, nullptr);
  }
  static void post_again(void* loop) {
    EXPECT_EQ(hallway_loop_post(static_cast<hallway_loop*>(loop), post_again, loop, nullptr),
              HALLWAY_OK);
  }
  static void count_call(void* user) { ++*static_cast<int*>(user); }

  struct Timer {
    std::optional<hallway_outcome> outcome;
    hallway_timer* handle = nullptr;
  };
  hallway_outcome start(Timer& timer, std::int64_t delay) {
    return hallway_loop_after(
        loop(), delay,
        [](hallway_outcome outcome, void* user) {
          auto* mine = static_cast<Timer*>(user);
          EXPECT_FALSE(mine->outcome);
          mine->outcome = outcome;
        },
        &timer, &timer.handle, why);
  }
};

TEST_F(c_loop, runs_until_nothing_is_left_to_do) {
  int status = 77;
  EXPECT_OK(hallway_loop_run(loop(), &status, why));
  EXPECT_EQ(status, 0);
  Timer timer;
  ASSERT_OK(start(timer, HALLWAY_MILLISECOND));
  EXPECT_OK(hallway_loop_run(loop(), nullptr, why));
  EXPECT_EQ(timer.outcome, HALLWAY_OK);
}

TEST_F(c_loop, returns_the_status_that_it_was_stopped_with) {
  ASSERT_OK(hallway_loop_post(
      loop(), [](void* user) { hallway_loop_stop(static_cast<hallway_loop*>(user), 42); }, loop(),
      why));
  Timer timer;
  ASSERT_OK(start(timer, HALLWAY_FOREVER));
  int status = 0;
  EXPECT_OK(hallway_loop_run(loop(), &status, why));
  EXPECT_EQ(status, 42);
  EXPECT_FALSE(timer.outcome);
  hallway_timer_cancel(timer.handle);
}

TEST_F(c_loop, says_whether_there_is_something_to_do_later) {
  int busy = 77;
  EXPECT_OK(hallway_loop_turn(loop(), 0, &busy, why));
  EXPECT_EQ(busy, 0);
  Timer timer;
  ASSERT_OK(start(timer, HALLWAY_FOREVER));
  EXPECT_OK(hallway_loop_turn(loop(), 0, &busy, why));
  EXPECT_NE(busy, 0);
  hallway_timer_cancel(timer.handle);
  hallway_timer_cancel(nullptr);
}

TEST_F(c_loop, has_a_descriptor_for_another_loop) {
  const int descriptor = hallway_loop_descriptor(loop());
  EXPECT_TRUE(is_close_on_exec(descriptor));
  EXPECT_OK(hallway_loop_turn(loop(), 0, nullptr, why));
  pollfd waited{.fd = descriptor, .events = POLLIN, .revents = 0};
  EXPECT_EQ(::poll(&waited, 1, 0), 0);
  int calls = 0;
  std::thread([&] { EXPECT_EQ(post(calls), HALLWAY_OK); }).join();
  EXPECT_EQ(::poll(&waited, 1, 10'000), 1);
  EXPECT_OK(hallway_loop_turn(loop(), 0, nullptr, why));
  EXPECT_EQ(calls, 1);
  Timer timer;
  ASSERT_OK(start(timer, 5 * HALLWAY_MILLISECOND));
  EXPECT_OK(hallway_loop_turn(loop(), 0, nullptr, why));
  EXPECT_EQ(::poll(&waited, 1, 10'000), 1) << "a timer makes it readable";
  EXPECT_TRUE(until([&] { return timer.outcome.has_value(); }));
  EXPECT_EQ(hallway_loop_descriptor(loop()), descriptor);
}

TEST_F(c_loop, calls_what_was_posted_in_order_and_not_after_it_was_freed) {
  std::string order;
  struct Post {
    std::string* order;
    char name;
  };
  std::array<Post, 2> posts{Post{&order, 'a'}, Post{&order, 'b'}};
  for (Post& one : posts) {
    ASSERT_OK(hallway_loop_post(
        loop(),
        [](void* user) {
          auto* mine = static_cast<Post*>(user);
          mine->order->push_back(mine->name);
        },
        &one, why));
  }
  EXPECT_EQ(order, "");
  EXPECT_TRUE(until([&] { return order.size() == 2; }));
  EXPECT_EQ(order, "ab");
  int calls = 0;
  ASSERT_OK(post(calls));
  loop_.reset();
  EXPECT_EQ(calls, 0);
}

TEST_F(c_loop, calls_a_timer_once_and_a_cancelled_one_never) {
  Timer called;
  Timer cancelled;
  Timer negative;
  ASSERT_OK(start(called, HALLWAY_MILLISECOND));
  ASSERT_OK(start(cancelled, HALLWAY_MILLISECOND));
  ASSERT_OK(start(negative, -1));
  hallway_timer_cancel(cancelled.handle);
  EXPECT_TRUE(until([&] { return called.outcome && negative.outcome; }));
  turn_a_few_times();
  EXPECT_EQ(called.outcome, HALLWAY_OK);
  EXPECT_FALSE(cancelled.outcome);
}

TEST_F(c_loop, ends_its_timers_when_it_drains_and_when_it_is_freed) {
  Timer drained;
  ASSERT_OK(start(drained, HALLWAY_FOREVER));
  int notified = 0;
  ASSERT_OK(hallway_loop_on_drain(loop(), count_call, &notified, why));
  EXPECT_FALSE(hallway_loop_draining(loop()));
  ASSERT_OK(hallway_loop_drain(loop(), soon, why));
  EXPECT_TRUE(hallway_loop_draining(loop()));
  EXPECT_EQ(notified, 1);
  int status = 77;
  EXPECT_OK(hallway_loop_run(loop(), &status, why));
  EXPECT_EQ(status, 0);
  EXPECT_EQ(drained.outcome, HALLWAY_CLOSED);
  ASSERT_OK(hallway_loop_on_drain(loop(), count_call, &notified, why));
  EXPECT_EQ(notified, 2) << "it has begun";

  hallway_loop* other = nullptr;
  ASSERT_OK(hallway_loop_new(0, &other, why));
  loop_.reset(other);
  Timer freed;
  ASSERT_OK(start(freed, HALLWAY_FOREVER));
  loop_.reset();
  EXPECT_EQ(freed.outcome, HALLWAY_CLOSED);
}

TEST_F(c_loop, calls_for_signals) {
  int first = 0;
  int second = 0;
  ASSERT_OK(hallway_loop_on_signal(loop(), SIGUSR1, count_call, &first, why));
  ::raise(SIGUSR1);
  EXPECT_TRUE(until([&] { return first == 1; }));
  ASSERT_OK(hallway_loop_on_signal(loop(), SIGUSR1, count_call, &second, why));
  ::raise(SIGUSR1);
  EXPECT_TRUE(until([&] { return second == 1; }));
  EXPECT_EQ(first, 1) << "it was replaced";
  EXPECT_FAILS(EINVAL, hallway_loop_on_signal(loop(), SIGKILL, count_call, &first, why));
}

TEST_F(c_loop, drains_on_a_signal_and_stops_on_the_second) {
  const std::array signals{SIGUSR1};
  ASSERT_OK(hallway_loop_drain_on(loop(), signals.data(), signals.size(), why));
  hallway_loop* other = nullptr;
  ASSERT_OK(hallway_loop_new(0, &other, why));
  const OwnedLoop owned(other);
  EXPECT_FAILS(EBUSY, hallway_loop_drain_on(other, signals.data(), signals.size(), why));
  const std::array impossible{SIGKILL};
  EXPECT_FAILS(EINVAL, hallway_loop_drain_on(other, impossible.data(), 1, why));
  // The timer keeps the loop going until it drains, and what is posted from then on.
  ASSERT_OK(hallway_loop_after(
      loop(), HALLWAY_FOREVER,
      [](hallway_outcome outcome, void* user) {
        EXPECT_EQ(outcome, HALLWAY_CLOSED);
        post_again(user);
        ::raise(SIGUSR1);
      },
      loop(), nullptr, why));
  ::raise(SIGUSR1);
  int status = 0;
  EXPECT_OK(hallway_loop_run(loop(), &status, why));
  EXPECT_EQ(status, 128 + SIGUSR1);
}

/// What a program begins again whenever it ends.
struct Again {
  hallway_loop* loop;
  std::string path;
  int calls = 0;
  hallway_outcome outcome = HALLWAY_OK;

  static void timer(hallway_outcome /*outcome*/, void* user) {
    auto* mine = static_cast<Again*>(user);
    ++mine->calls;
    mine->outcome = hallway_loop_after(mine->loop, 0, timer, user, nullptr, nullptr);
  }
  static void connected(hallway_connection* connection, hallway_outcome /*outcome*/,
                        const hallway_error* /*error*/, void* user) {
    auto* mine = static_cast<Again*>(user);
    ++mine->calls;
    EXPECT_EQ(connection, nullptr);
    mine->outcome = mine->connect();
  }
  [[nodiscard]] hallway_outcome connect() {
    return hallway_connect(loop, path.c_str(), nullptr, connected, this, nullptr);
  }
};

TEST_F(c_loop, begins_nothing_while_it_is_freed) {
  Again timer{loop(), path};
  Again connecting{loop(), path};
  ASSERT_OK(hallway_loop_after(loop(), soon, Again::timer, &timer, nullptr, why));
  ASSERT_EQ(connecting.connect(), HALLWAY_OK);
  loop_.reset();
  EXPECT_EQ(timer.calls, 1);
  EXPECT_EQ(timer.outcome, HALLWAY_CLOSED);
  EXPECT_EQ(connecting.calls, 1);
  EXPECT_EQ(connecting.outcome, HALLWAY_CLOSED);
}

TEST_F(c_loop, adopts_descriptors_also_while_it_is_freed) {
  struct Adopting {
    hallway_loop* loop;
    int socket;
    hallway_outcome outcome = HALLWAY_OK;
  } adopting{loop(), raw_pair(SOCK_STREAM).first.release()};
  ASSERT_OK(hallway_loop_after(
      loop(), soon,
      [](hallway_outcome, void* user) {
        auto* mine = static_cast<Adopting*>(user);
        hallway_connection* none = nullptr;
        mine->outcome = hallway_adopt(mine->loop, mine->socket, nullptr, nullptr, &none, nullptr);
      },
      &adopting, nullptr, why));
  loop_.reset();
  EXPECT_EQ(adopting.outcome, HALLWAY_CLOSED);
  EXPECT_FALSE(is_open(adopting.socket));
}

}  // namespace
}  // namespace hallway
