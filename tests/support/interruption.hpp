// SPDX-License-Identifier: Apache-2.0
//
// Interrupting a call that waits, from another thread.
#pragma once

#include <pthread.h>

#include <atomic>
#include <csignal>
#include <cstdint>
#include <functional>
#include <ostream>
#include <stop_token>
#include <thread>

#include <gtest/gtest.h>

#include <hallway/error.hpp>
#include <hallway/interrupt.hpp>

#include "support/faults.hpp"

namespace hallway::test {

enum class InterruptedBy : std::uint8_t {
  trigger,  ///< of another thread
  signal,   ///< sent by another thread; on_signal ends the call
};

inline std::ostream& operator<<(std::ostream& out, InterruptedBy by) {
  return out << (by == InterruptedBy::trigger ? "trigger" : "signal");
}

/// Owns the disposition of SIGUSR1: the handler notes the signal.
class NotedSignal {
 public:
  NotedSignal() {
    caught = 0;
    struct sigaction action{};
    action.sa_handler = [](int) { ++caught; };
    ::sigaction(SIGUSR1, &action, &before_);
  }
  NotedSignal(const NotedSignal&) = delete;
  NotedSignal& operator=(const NotedSignal&) = delete;
  ~NotedSignal() { ::sigaction(SIGUSR1, &before_, nullptr); }

  inline static std::atomic<int> caught = 0;  ///< how often it arrived

 private:
  struct sigaction before_{};
};

/// An Interrupt, and the other thread that uses it.
class Interruption {
 public:
  explicit Interruption(InterruptedBy by)
      : by_(by),
        interrupt_(Interrupt::create(by == InterruptedBy::signal
                                         ? [] { return NotedSignal::caught == 0; }
                                         : std::function<bool()>())) {}

  [[nodiscard]] Interrupt* get() { return &*interrupt_; }

  /// Makes a call and, once it polls, interrupts it.
  template <typename Call>
  auto during(Call call) {
    const CallCount polls(sys::Call::poll);
    std::jthread other([&, waiting = ::pthread_self()](const std::stop_token& stop) {
      while (polls.calls() == 0 && !stop.stop_requested()) std::this_thread::yield();
      if (by_ == InterruptedBy::trigger) {
        get()->trigger();
      } else if (!stop.stop_requested()) {
        ::pthread_kill(waiting, SIGUSR1);
      }
    });
    auto result = call();
    other.request_stop();
    other.join();
    EXPECT_GT(polls.calls(), 0U);
    return result;
  }

  /// From now on, nothing is interrupted.
  void over() {
    get()->clear();
    NotedSignal::caught = 0;
  }

 private:
  InterruptedBy by_;
  NotedSignal noted_;
  Result<Interrupt> interrupt_;
};

}  // namespace hallway::test
