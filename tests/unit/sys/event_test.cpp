// SPDX-License-Identifier: Apache-2.0
#include "sys/event.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <thread>

#include "support/faults.hpp"
#include "support/raw_socket.hpp"
#include "sys/signal.hpp"

namespace hallway::sys {
namespace {

using namespace test;
using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

std::size_t wait(int epoll, std::array<Event, events_per_wait>& events, Duration longest) {
  const auto count = epoll_wait(epoll, events, longest);
  EXPECT_TRUE(count);
  return count.value_or(0);
}

TEST(epoll, reports_what_is_ready_and_its_owner) {
  const auto epoll = make_epoll();
  ASSERT_TRUE(epoll);
  EXPECT_TRUE(is_close_on_exec(epoll->get()));
  auto [near, far] = raw_pair(SOCK_STREAM);
  int data = 0;
  ASSERT_TRUE(epoll_add(epoll->get(), near.get(), event_readable, &data));
  std::array<Event, events_per_wait> events;
  EXPECT_EQ(wait(epoll->get(), events, 0ns), 0U);

  raw_send(far.get(), "x");
  ASSERT_EQ(wait(epoll->get(), events, forever), 1U);
  EXPECT_EQ(events[0].data, &data);
  EXPECT_EQ(events[0].events, event_readable);
}

TEST(epoll, follows_a_change_of_interest_and_forgets_what_is_removed) {
  const auto epoll = make_epoll();
  auto [near, far] = raw_pair(SOCK_STREAM);
  std::array<Event, events_per_wait> events;
  ASSERT_TRUE(epoll_add(epoll->get(), near.get(), 0, nullptr));
  EXPECT_EQ(wait(epoll->get(), events, 0ns), 0U);
  epoll_change(epoll->get(), near.get(), event_writable, nullptr);
  EXPECT_EQ(wait(epoll->get(), events, 0ns), 1U);
  epoll_remove(epoll->get(), near.get());
  EXPECT_EQ(wait(epoll->get(), events, 0ns), 0U);
}

TEST(epoll, distinguishes_the_end_and_the_half_end_of_a_stream) {
  const auto epoll = make_epoll();
  auto [near, far] = raw_pair(SOCK_STREAM);
  std::array<Event, events_per_wait> events;
  ASSERT_TRUE(epoll_add(epoll->get(), near.get(), event_readable | event_peer_finished, nullptr));
  ::shutdown(far.get(), SHUT_WR);
  ASSERT_EQ(wait(epoll->get(), events, forever), 1U);
  EXPECT_EQ(events[0].events, event_readable | event_peer_finished);
  far.close();
  ASSERT_EQ(wait(epoll->get(), events, forever), 1U);
  EXPECT_EQ(events[0].events, event_readable | event_peer_finished | event_hangup);
}

TEST(epoll, refuses_a_regular_file) {
  const auto epoll = make_epoll();
  EXPECT_EQ(epoll_add(epoll->get(), some_file().get(), event_readable, nullptr).error(), EPERM);
}

TEST(epoll_wait, comes_back_when_time_is_up_and_not_before) {
  const auto epoll = make_epoll();
  std::array<Event, events_per_wait> events;
  const auto start = Clock::now();
  EXPECT_EQ(wait(epoll->get(), events, 5ms), 0U);
  EXPECT_GE(Clock::now() - start, 5ms);
  EXPECT_EQ(wait(epoll->get(), events, -5ms), 0U);
}

TEST(epoll_wait, takes_an_interruption_for_nothing_ready) {
  const auto epoll = make_epoll();
  std::array<Event, events_per_wait> events;
  const FaultOn interrupted(Call::epoll_wait, 1, EINTR);
  EXPECT_EQ(wait(epoll->get(), events, forever), 0U);
}

TEST(epoll_wait, fails_with_what_the_kernel_says) {
  std::array<Event, events_per_wait> events;
  EXPECT_EQ(epoll_wait(-1, events, 0ns).error(), EBADF);
  const auto epoll = make_epoll();
  const FaultOn fault(Call::epoll_wait, 1, ENOMEM);
  EXPECT_EQ(epoll_wait(epoll->get(), events, 0ns).error(), ENOMEM);
}

TEST(eventfd, is_readable_from_being_raised_until_it_is_cleared) {
  const auto eventfd = make_eventfd();
  ASSERT_TRUE(eventfd);
  EXPECT_TRUE(is_close_on_exec(eventfd->get()));
  EXPECT_EQ(poll_one(eventfd->get(), event_readable, 0ns), false);
  errno = EXDEV;
  raise_eventfd(eventfd->get());
  raise_eventfd(eventfd->get());
  EXPECT_EQ(errno, EXDEV);
  EXPECT_EQ(poll_one(eventfd->get(), event_readable, forever), true);
  clear_eventfd(eventfd->get());
  EXPECT_EQ(poll_one(eventfd->get(), event_readable, 0ns), false);
  clear_eventfd(eventfd->get());
}

TEST(timerfd, becomes_readable_at_its_time) {
  const auto timer = make_timerfd();
  ASSERT_TRUE(timer);
  EXPECT_TRUE(is_close_on_exec(timer->get()));
  const auto when = Clock::now() + 5ms;
  set_timerfd(timer->get(), when);
  EXPECT_EQ(poll_one(timer->get(), event_readable, forever), true);
  EXPECT_GE(Clock::now(), when);
}

TEST(timerfd, is_readable_at_once_for_a_time_that_has_passed) {
  const auto timer = make_timerfd();
  set_timerfd(timer->get(), Clock::now() - 1h);
  EXPECT_EQ(poll_one(timer->get(), event_readable, forever), true);
  set_timerfd(timer->get(), Clock::time_point());
  EXPECT_EQ(poll_one(timer->get(), event_readable, forever), true);
}

TEST(timerfd, does_not_fire_once_it_is_stopped) {
  const auto timer = make_timerfd();
  set_timerfd(timer->get(), Clock::now() - 1h);
  stop_timerfd(timer->get());
  EXPECT_EQ(poll_one(timer->get(), event_readable, 0ns), false);
}

TEST(poll_one, waits_for_its_event_or_until_time_is_up) {
  auto [near, far] = raw_pair(SOCK_STREAM);
  const auto start = Clock::now();
  EXPECT_EQ(poll_one(near.get(), event_readable, 5ms), false);
  EXPECT_GE(Clock::now() - start, 5ms);
  EXPECT_EQ(poll_one(near.get(), event_writable, forever), true);
  EXPECT_EQ(poll_one(near.get(), event_readable, -1ms), false);
  far.close();
  EXPECT_EQ(poll_one(near.get(), event_readable, forever), true);
}

TEST(poll_one, keeps_its_deadline_through_interruptions) {
  const auto eventfd = make_eventfd();
  std::signal(SIGUSR1, [](int) {});
  const auto start = Clock::now();
  const pthread_t waiting = ::pthread_self();
  std::jthread nuisance([waiting](const std::stop_token& stop) {
    while (!stop.stop_requested()) ::pthread_kill(waiting, SIGUSR1);
  });
  EXPECT_EQ(poll_one(eventfd->get(), event_readable, 20ms), false);
  EXPECT_GE(Clock::now() - start, 20ms);
  nuisance.request_stop();
  nuisance.join();
  std::signal(SIGUSR1, SIG_DFL);
}

TEST(poll_one, fails_with_what_the_kernel_says) {
  const auto eventfd = make_eventfd();
  const FaultOn fault(Call::poll, 1, ENOMEM);
  EXPECT_EQ(poll_one(eventfd->get(), event_readable, 0ns).error(), ENOMEM);
}

TEST(poll_with_wakeup, waits_for_either_descriptor_or_until_time_is_up) {
  auto [near, far] = raw_pair(SOCK_STREAM);
  const auto wakeup = make_eventfd();
  const auto poll = [&](int descriptor, Duration longest) {
    return poll_with_wakeup(descriptor, event_readable, wakeup->get(), longest, nullptr);
  };
  EXPECT_EQ(poll(near.get(), 1ms), PollEnd::time);
  EXPECT_EQ(poll(-1, -1ms), PollEnd::time);
  raw_send(far.get(), "x");
  EXPECT_EQ(poll(near.get(), forever), PollEnd::ready);
  raise_eventfd(wakeup->get());
  EXPECT_EQ(poll(near.get(), forever), PollEnd::wakeup);
  EXPECT_EQ(poll(-1, forever), PollEnd::wakeup);
  far.close();
  clear_eventfd(wakeup->get());
  EXPECT_EQ(poll(near.get(), forever), PollEnd::ready);
}

TEST(poll_with_wakeup, lets_signals_in_that_are_held_before) {
  const auto wakeup = make_eventfd();
  std::signal(SIGUSR1, [](int) {});
  {
    const SignalsHeld held;
    ::raise(SIGUSR1);
    EXPECT_EQ(poll_with_wakeup(-1, 0, wakeup->get(), 1ms, nullptr), PollEnd::time);
    EXPECT_EQ(poll_with_wakeup(-1, 0, wakeup->get(), forever, &held.before()), PollEnd::signal);
  }
  std::signal(SIGUSR1, SIG_DFL);
}

TEST(poll_with_wakeup, fails_with_what_the_kernel_says) {
  const auto wakeup = make_eventfd();
  const FaultOn interrupted(Call::poll, 1, EINTR);
  const FaultOn fault(Call::poll, 2, ENOMEM);
  EXPECT_EQ(poll_with_wakeup(-1, 0, wakeup->get(), 0ns, nullptr), PollEnd::signal);
  EXPECT_EQ(poll_with_wakeup(-1, 0, wakeup->get(), 0ns, nullptr).error(), ENOMEM);
}

TEST(pause_for, takes_its_time) {
  const auto start = Clock::now();
  pause_for(5ms);
  EXPECT_GE(Clock::now() - start, 5ms);
}

TEST(make, fails_with_what_the_kernel_says) {
  const FaultOn epoll(Call::epoll_create, 1, EMFILE);
  const FaultOn event(Call::eventfd, 1, ENFILE);
  const FaultOn timer(Call::timerfd_create, 1, ENODEV);
  EXPECT_EQ(make_epoll().error(), EMFILE);
  EXPECT_EQ(make_eventfd().error(), ENFILE);
  EXPECT_EQ(make_timerfd().error(), ENODEV);
}

}  // namespace
}  // namespace hallway::sys
