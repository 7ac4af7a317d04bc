// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <coroutine>
#include <cstdint>
#include <source_location>

#include <hallway/detail/waiter.hpp>

#include "loop/loop_core.hpp"

namespace hallway::detail {

/// Waits in a list until the owner of the list schedules its waiters, or time is up.
///
///     const bool in_time = co_await TimedWait(core, readers, 5s);
class [[nodiscard]] TimedWait : protected Timer {
 public:
  TimedWait(LoopCore& core, WaiterList& list, Duration longest = forever) noexcept
      : core_(core), list_(list), longest_(longest) {}

  [[nodiscard]] bool await_ready() const noexcept { return false; }
  template <typename Promise>
  void await_suspend(std::coroutine_handle<Promise> awaiting,
                     std::source_location where = std::source_location::current()) {
    note_wait(awaiting, where);
    waiter_.coroutine = awaiting;
    list_.push_back(waiter_);
    start_after(core_, longest_);
  }
  bool await_resume() noexcept {
    stop();
    return !timed_out_;
  }

 protected:
  LoopCore& core_;
  Waiter waiter_;

 private:
  void fire() override {
    timed_out_ = true;
    core_.schedule(waiter_);
  }

  WaiterList& list_;
  Duration longest_;
  bool timed_out_ = false;
};

/// What ended a wait.
enum class WokenBy : std::uint8_t { owner, time, drain };

/// The same, and also ends when the loop begins to drain. A wait that begins while the loop drains
/// ends in the next turn and not at once: a task that waits again and again, whatever comes of it,
/// must not keep the loop from the others.
///
///     WokenBy woken_by = WokenBy::owner;
///     while (!ready()) {
///       if (woken_by == WokenBy::drain) co_return Outcome::closed;
///       if (woken_by == WokenBy::time) co_return Outcome::timed_out;
///       woken_by = co_await WaitOrDrain(core, readers, deadline.left());
///     }
class [[nodiscard]] WaitOrDrain : public TimedWait, private EndsWithDrain {
 public:
  using TimedWait::TimedWait;

  template <typename Promise>
  void await_suspend(std::coroutine_handle<Promise> awaiting,
                     std::source_location where = std::source_location::current()) {
    TimedWait::await_suspend(awaiting, where);
    core_.end_with_drain(*this);
  }
  WokenBy await_resume() noexcept {
    const bool in_time = TimedWait::await_resume();
    if (drained_) return WokenBy::drain;
    return in_time ? WokenBy::owner : WokenBy::time;
  }

 private:
  void drain_begins() override {
    drained_ = true;
    core_.schedule(waiter_);
  }

  bool drained_ = false;
};

/// Schedules every waiter in `list`.
inline void wake_all(LoopCore& core, WaiterList& list) {
  while (Waiter* waiter = list.pop_front()) core.schedule(*waiter);
}

}  // namespace hallway::detail
