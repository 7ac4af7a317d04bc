// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <coroutine>

#include <hallway/detail/waiter.hpp>

#include "loop/loop_core.hpp"

namespace hallway::detail {

/// Waits in a list until the owner of the list schedules its waiters, or time is up.
///
///     const bool in_time = co_await TimedWait(core, readers, 5s);
class [[nodiscard]] TimedWait : private Timer {
 public:
  TimedWait(LoopCore& core, WaiterList& list, Duration longest = forever) noexcept
      : core_(core), list_(list), longest_(longest) {}

  [[nodiscard]] bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> awaiting) {
    waiter_.coroutine = awaiting;
    list_.push_back(waiter_);
    if (longest_ != forever) start(core_, Loop::Clock::now() + longest_);
  }
  bool await_resume() noexcept {
    stop();
    return !timed_out_;
  }

 private:
  void fire() override {
    timed_out_ = true;
    core_.schedule(waiter_);
  }

  LoopCore& core_;
  WaiterList& list_;
  Duration longest_;
  Waiter waiter_;
  bool timed_out_ = false;
};

/// Schedules every waiter in `list`.
inline void wake_all(LoopCore& core, WaiterList& list) {
  while (Waiter* waiter = list.pop_front()) core.schedule(*waiter);
}

}  // namespace hallway::detail
