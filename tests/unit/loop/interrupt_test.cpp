// SPDX-License-Identifier: Apache-2.0
#include <hallway/interrupt.hpp>

#include <gtest/gtest.h>

#include <cerrno>
#include <chrono>
#include <csignal>

#include "loop/interruptible_wait.hpp"
#include "support/faults.hpp"
#include "support/interruption.hpp"
#include "support/inventory.hpp"
#include "support/raw_socket.hpp"
#include "support/waiting.hpp"
#include "sys/signal.hpp"

namespace hallway::detail {
namespace {

using namespace test;
using sys::event_readable;
using Clock = std::chrono::steady_clock;

class interrupted_by : public testing::TestWithParam<InterruptedBy> {
 protected:
  Interruption interruption{GetParam()};
  InterruptibleWait wait{interruption.get()};
};

INSTANTIATE_TEST_SUITE_P(all, interrupted_by,
                         testing::Values(InterruptedBy::trigger, InterruptedBy::signal),
                         testing::PrintToStringParamName());

TEST_P(interrupted_by, a_poll_ends) {
  const auto pair = raw_pair(SOCK_STREAM);
  const int near = pair.first.get();
  const auto ended =
      interruption.during([&] { return wait.poll_one(near, event_readable, patience); });
  ASSERT_FALSE(ended);
  EXPECT_EQ(ended.error(), EINTR);
}

TEST_P(interrupted_by, a_poll_ends_although_its_descriptor_is_ready) {
  auto [near, far] = raw_pair(SOCK_STREAM);
  raw_send(far.get(), "x");
  static_cast<void>(interruption.during([&] { return wait.pause_for(patience); }));
  EXPECT_EQ(wait.poll_one(near.get(), event_readable, patience).error(), EINTR);
  interruption.over();
  EXPECT_EQ(wait.poll_one(near.get(), event_readable, patience), true);
}

TEST_P(interrupted_by, a_pause_ends) {
  const auto before = Clock::now();
  EXPECT_FALSE(interruption.during([&] { return wait.pause_for(patience); }));
  EXPECT_FALSE(wait.pause_for(patience));  // and each that begins later
  EXPECT_LT(Clock::now() - before, patience);
  interruption.over();
  EXPECT_TRUE(wait.pause_for(1ms));
}

TEST(interrupt, stays_triggered_until_it_is_cleared) {
  auto interrupt = Interrupt::create();
  ASSERT_TRUE(interrupt);
  EXPECT_FALSE(interrupt->triggered());
  interrupt->trigger();
  interrupt->trigger();
  EXPECT_TRUE(interrupt->triggered());
  EXPECT_FALSE(InterruptibleWait(&*interrupt).pause_for(patience));
  EXPECT_TRUE(interrupt->triggered());
  interrupt->clear();
  EXPECT_FALSE(interrupt->triggered());
  EXPECT_TRUE(InterruptibleWait(&*interrupt).pause_for(1ms));
}

TEST(interrupt, is_triggered_in_a_signal_handler) {
  static Interrupt* used = nullptr;
  auto interrupt = Interrupt::create();
  used = &*interrupt;
  auto* const before = std::signal(SIGUSR2, [](int) { used->trigger(); });
  const AtCall at_once(sys::Call::poll, [] { ::raise(SIGUSR2); });
  EXPECT_FALSE(InterruptibleWait(used).pause_for(patience));
  std::signal(SIGUSR2, before);
  used = nullptr;
}

TEST(interrupt, without_one_a_wait_goes_on_after_signals) {
  const NotedSignal noted;
  const AtCall at_once(sys::Call::poll, [] { ::raise(SIGUSR1); });
  const auto before = Clock::now();
  EXPECT_EQ(InterruptibleWait(nullptr).poll_one(-1, 0, 5ms), false);
  EXPECT_TRUE(InterruptibleWait(nullptr).pause_for(5ms));
  EXPECT_GE(Clock::now() - before, 10ms);
  EXPECT_EQ(at_once.calls(), 1U);
}

TEST(interrupt, without_a_hook_a_wait_goes_on_after_signals) {
  const NotedSignal noted;
  auto interrupt = Interrupt::create();
  const auto before = Clock::now();
  std::jthread nuisance([waiting = ::pthread_self()](const std::stop_token& stop) {
    while (!stop.stop_requested()) ::pthread_kill(waiting, SIGUSR1);
  });
  EXPECT_TRUE(InterruptibleWait(&*interrupt).pause_for(20ms));
  EXPECT_GE(Clock::now() - before, 20ms);
  nuisance.request_stop();
  nuisance.join();
  EXPECT_GT(NotedSignal::caught, 0);
}

TEST(on_signal, lets_a_wait_go_on_for_the_rest_of_its_time) {
  const NotedSignal noted;
  int calls = 0;
  auto interrupt = Interrupt::create([&calls] { return ++calls > 0; });
  std::jthread nuisance([waiting = ::pthread_self()](const std::stop_token& stop) {
    while (!stop.stop_requested()) ::pthread_kill(waiting, SIGUSR1);
  });
  const auto before = Clock::now();
  EXPECT_TRUE(InterruptibleWait(&*interrupt).pause_for(20ms));
  const auto took = Clock::now() - before;
  nuisance.request_stop();
  nuisance.join();
  EXPECT_GE(took, 20ms);
  EXPECT_LT(took, patience);
  EXPECT_GT(calls, 1);
}

// A signal that arrives after the hook has looked must not wait until the sleep is over.
TEST(on_signal, runs_again_after_a_signal_that_came_while_it_ran) {
  const NotedSignal noted;
  int calls = 0;
  auto interrupt = Interrupt::create([&calls] {
    if (++calls == 1) {
      ::raise(SIGUSR1);
      EXPECT_EQ(NotedSignal::caught, 0);  // it waits for the sleep
      return true;
    }
    EXPECT_EQ(NotedSignal::caught, 1);
    return false;
  });
  EXPECT_FALSE(InterruptibleWait(&*interrupt).pause_for(patience));
  EXPECT_EQ(calls, 2);
}

TEST(on_signal, runs_where_only_faults_of_the_thread_are_delivered) {
  bool looked = false;
  auto interrupt = Interrupt::create([&looked] {
    sigset_t blocked;
    ::pthread_sigmask(SIG_SETMASK, nullptr, &blocked);
    EXPECT_EQ(::sigismember(&blocked, SIGINT), 1);
    EXPECT_EQ(::sigismember(&blocked, SIGSEGV), 0);
    looked = true;
    return false;
  });
  EXPECT_FALSE(InterruptibleWait(&*interrupt).pause_for(patience));
  EXPECT_TRUE(looked);
  sigset_t blocked;
  ::pthread_sigmask(SIG_SETMASK, nullptr, &blocked);
  EXPECT_EQ(::sigismember(&blocked, SIGINT), 0);
}

TEST(interrupt, takes_an_injected_interruption_for_a_signal) {
  int calls = 0;
  auto interrupt = Interrupt::create([&calls] { return ++calls > 0; });
  const FaultOn fault(sys::Call::poll, 1, EINTR);
  EXPECT_TRUE(InterruptibleWait(&*interrupt).pause_for(1ms));
  EXPECT_EQ(calls, 2);
}

TEST(interrupt, fails_with_what_the_kernel_says) {
  const Inventory before = Inventory::take();
  {
    const FaultOn fault(sys::Call::eventfd, 1, EMFILE);
    const auto interrupt = Interrupt::create();
    ASSERT_FALSE(interrupt);
    EXPECT_EQ(interrupt.error().code, std::errc::too_many_files_open);
    EXPECT_TRUE(interrupt.error().explain().starts_with("open an interrupt's descriptor: "));
  }
  EXPECT_EQ(before.difference(Inventory::take()), "");
  auto interrupt = Interrupt::create();
  const FaultOn fault(sys::Call::poll, 1, ENOMEM);
  EXPECT_EQ(InterruptibleWait(&*interrupt).poll_one(-1, 0, 1ms).error(), ENOMEM);
}

TEST(interrupt, pauses_also_where_the_kernel_cannot_poll) {
  auto interrupt = Interrupt::create();
  const FaultOn fault(sys::Call::poll, 1, ENOMEM, FaultOn::always);
  const auto before = Clock::now();
  EXPECT_TRUE(InterruptibleWait(&*interrupt).pause_for(5ms));
  EXPECT_GE(Clock::now() - before, 5ms);
}

}  // namespace
}  // namespace hallway::detail
