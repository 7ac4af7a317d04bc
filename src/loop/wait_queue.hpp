// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <coroutine>
#include <cstddef>
#include <cstdint>
#include <source_location>
#include <utility>

#include <hallway/detail/wait_point.hpp>
#include <hallway/detail/waiter.hpp>
#include <hallway/limits.hpp>

#include "core/linked_list.hpp"
#include "loop/loop_core.hpp"
#include "loop/timed_wait.hpp"

namespace hallway::detail {

/// Tasks that wait in order for one thing at a time. What a task is woken for belongs to it from
/// then on: others look at woken() and leave that much. A task that is destroyed after it was woken
/// and before it continues passes the wake-up on.
class WaitQueue {
 public:
  enum class Drain : std::uint8_t { ends_the_wait, is_ignored };

  class Place;

  /// The loop outlives it.
  explicit WaitQueue(LoopCore& core, Drain drain) noexcept : core_(core), drain_(drain) {}
  WaitQueue(const WaitQueue&) = delete;
  WaitQueue& operator=(const WaitQueue&) = delete;
  ~WaitQueue() = default;

  void wake_one();
  void wake_all();

  /// How many tasks have been woken and have not continued yet.
  [[nodiscard]] std::size_t woken() const noexcept { return woken_; }

 private:
  LoopCore& core_;
  const Drain drain_;
  core::LinkedList<Place> places_;
  std::size_t woken_ = 0;
};

/// A place in the queue: co_await WaitQueue::Place(queue, 5s) gives what ended the wait. As
/// WaitOrDrain, if a drain ends it.
class [[nodiscard]] WaitQueue::Place : public core::Linked<Place>,
                                       private Timer,
                                       private EndsWithDrain {
 public:
  explicit Place(WaitQueue& queue, Duration longest = forever) noexcept
      : queue_(queue), longest_(longest) {}
  Place(const Place&) = delete;
  Place& operator=(const Place&) = delete;
  ~Place() override {
    if (!woken_) return;
    --queue_.woken_;
    queue_.wake_one();
  }

  [[nodiscard]] bool await_ready() const noexcept { return false; }
  template <typename Promise>
  void await_suspend(std::coroutine_handle<Promise> awaiting,
                     std::source_location where = std::source_location::current()) {
    note_wait(awaiting, where);
    waiter_.coroutine = awaiting;
    queue_.places_.push_back(*this);
    start_after(queue_.core_, longest_);
    if (queue_.drain_ == Drain::ends_the_wait) queue_.core_.end_with_drain(*this);
  }
  WokenBy await_resume() noexcept {
    stop();
    if (std::exchange(woken_, false)) --queue_.woken_;
    return woken_by_;
  }

 private:
  friend class WaitQueue;

  void wake() {
    woken_ = true;
    ++queue_.woken_;
    queue_.core_.schedule(waiter_);
  }
  void fire() override {
    woken_by_ = WokenBy::time;
    core::Linked<Place>::unlink();
    queue_.core_.schedule(waiter_);
  }
  void drain_begins() override {
    woken_by_ = WokenBy::drain;
    core::Linked<Place>::unlink();
    queue_.core_.schedule(waiter_);
  }

  WaitQueue& queue_;
  Duration longest_;
  Waiter waiter_;
  WokenBy woken_by_ = WokenBy::owner;
  bool woken_ = false;  // by the owner, and not continued yet
};

inline void WaitQueue::wake_one() {
  if (Place* first = places_.pop_front()) first->wake();
}

inline void WaitQueue::wake_all() {
  while (Place* first = places_.pop_front()) first->wake();
}

}  // namespace hallway::detail
