// SPDX-License-Identifier: Apache-2.0
#include "sys/signal.hpp"

#include <gtest/gtest.h>

#include <cerrno>
#include <csignal>
#include <utility>

#include "support/faults.hpp"
#include "support/processes.hpp"
#include "sys/event.hpp"

namespace hallway::sys {
namespace {

using namespace test;

bool raised(int eventfd) {
  return poll_one(eventfd, event_readable, Duration::zero()).value_or(false);
}

struct sigaction disposition(int signal) {
  struct sigaction action{};
  ::sigaction(signal, nullptr, &action);
  return action;
}

TEST(signal_handler, brings_a_signal_to_its_eventfd) {
  const auto eventfd = make_eventfd();
  const auto caught = SignalHandler::install(SIGUSR1, eventfd->get());
  ASSERT_TRUE(caught);
  EXPECT_EQ(caught->signal(), SIGUSR1);
  EXPECT_FALSE(caught->take());
  ::raise(SIGUSR1);
  EXPECT_TRUE(raised(eventfd->get()));
  EXPECT_TRUE(caught->take());
  EXPECT_FALSE(caught->take());
}

TEST(signal_handler, restores_the_disposition_it_found) {
  const auto eventfd = make_eventfd();
  std::signal(SIGUSR1, SIG_IGN);
  {
    const auto caught = SignalHandler::install(SIGUSR1, eventfd->get());
    EXPECT_NE(disposition(SIGUSR1).sa_handler, SIG_IGN);
  }
  EXPECT_EQ(disposition(SIGUSR1).sa_handler, SIG_IGN);
  std::signal(SIGUSR1, SIG_DFL);
}

TEST(signal_handler, lets_one_at_a_time_have_a_signal) {
  const auto eventfd = make_eventfd();
  {
    const auto first = SignalHandler::install(SIGUSR1, eventfd->get());
    EXPECT_EQ(SignalHandler::install(SIGUSR1, eventfd->get()).error(), EBUSY);
    EXPECT_TRUE(SignalHandler::install(SIGUSR2, eventfd->get()));
  }
  EXPECT_TRUE(SignalHandler::install(SIGUSR1, eventfd->get()));
}

TEST(signal_handler, refuses_what_cannot_be_caught) {
  const auto eventfd = make_eventfd();
  for (const int signal : {SIGKILL, SIGSTOP, 0, -1, NSIG, 1000}) {
    const auto caught = SignalHandler::install(signal, eventfd->get());
    ASSERT_FALSE(caught) << signal;
    EXPECT_EQ(caught.error(), EINVAL) << signal;
  }
}

TEST(signal_handler, can_be_tried_again_after_it_failed) {
  const auto eventfd = make_eventfd();
  {
    const FaultOn fault(Call::sigaction, 1, EINVAL);
    EXPECT_FALSE(SignalHandler::install(SIGUSR1, eventfd->get()));
  }
  EXPECT_TRUE(SignalHandler::install(SIGUSR1, eventfd->get()));
}

TEST(signal_handler, belongs_to_the_object_it_was_moved_to) {
  const auto eventfd = make_eventfd();
  auto first = SignalHandler::install(SIGUSR1, eventfd->get());
  ASSERT_TRUE(first);
  const SignalHandler second = std::move(*first);
  ::raise(SIGUSR1);
  EXPECT_TRUE(second.take());
}

TEST(signal_handler, forgets_signals_that_came_before_it) {
  const auto eventfd = make_eventfd();
  {
    const auto first = SignalHandler::install(SIGUSR1, eventfd->get());
    ::raise(SIGUSR1);
  }
  EXPECT_FALSE(SignalHandler::install(SIGUSR1, eventfd->get())->take());
}

/// Blocks a signal for this thread while it lives.
class Blocked {
 public:
  explicit Blocked(int signal) {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, signal);
    pthread_sigmask(SIG_BLOCK, &set, &before_);
  }
  ~Blocked() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

 private:
  sigset_t before_{};
};

bool is_blocked(int signal) {
  sigset_t now;
  pthread_sigmask(SIG_SETMASK, nullptr, &now);
  return sigismember(&now, signal) == 1;
}

TEST(signal_handler, catches_a_signal_that_a_parent_left_blocked) {
  const Blocked blocked(SIGUSR1);
  const auto eventfd = make_eventfd();
  ::raise(SIGUSR1);  // pending
  {
    const auto caught = SignalHandler::install(SIGUSR1, eventfd->get());
    EXPECT_FALSE(is_blocked(SIGUSR1));
    EXPECT_TRUE(caught->take());
    ::raise(SIGUSR1);
    EXPECT_TRUE(caught->take());
  }
  EXPECT_TRUE(is_blocked(SIGUSR1));
}

TEST(signals_held, delivers_afterwards_what_was_raised_meanwhile) {
  const auto eventfd = make_eventfd();
  const auto caught = SignalHandler::install(SIGUSR1, eventfd->get());
  const Blocked blocked(SIGUSR2);
  {
    const SignalsHeld held;
    EXPECT_EQ(sigismember(&held.before(), SIGUSR2), 1);
    EXPECT_EQ(sigismember(&held.before(), SIGUSR1), 0);
    EXPECT_FALSE(is_blocked(SIGSEGV));
    ::raise(SIGUSR1);
    EXPECT_FALSE(caught->take());
  }
  EXPECT_TRUE(caught->take());
  EXPECT_TRUE(is_blocked(SIGUSR2));
}

TEST(signal_held, drops_what_was_raised_meanwhile) {
  {
    const SignalHeld held(SIGUSR1);
    ::raise(SIGUSR1);  // by default it ends the process
  }
  EXPECT_FALSE(is_blocked(SIGUSR1));
}

TEST(signal_held, leaves_a_signal_pending_that_was_so_before) {
  const Blocked blocked(SIGUSR1);
  ::raise(SIGUSR1);
  {
    const SignalHeld held(SIGUSR1);
  }
  EXPECT_TRUE(is_blocked(SIGUSR1));
  const auto eventfd = make_eventfd();
  EXPECT_TRUE(SignalHandler::install(SIGUSR1, eventfd->get())->take());
}

}  // namespace
}  // namespace hallway::sys
