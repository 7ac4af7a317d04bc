// SPDX-License-Identifier: Apache-2.0
// Layer: loop
//
// A suspended coroutine, and lists of them. Internal: part of the awaitables' layout.
#pragma once

#include <hallway/detail/require_cpp23.hpp>

#include <coroutine>

namespace hallway::detail {

/// A suspended coroutine in at most one list: of coroutines that wait for the same event, or of
/// those that the loop resumes next. It lives in the coroutine's frame, so destroying the coroutine
/// removes it from its list, and it is never resumed.
class Waiter {
 public:
  Waiter() noexcept = default;
  Waiter(const Waiter&) = delete;
  Waiter& operator=(const Waiter&) = delete;
  ~Waiter() { unlink(); }

  [[nodiscard]] bool linked() const noexcept { return next_ != nullptr; }

  void unlink() noexcept {
    if (!linked()) return;
    previous_->next_ = next_;
    next_->previous_ = previous_;
    next_ = previous_ = nullptr;
  }

  std::coroutine_handle<> coroutine;

 private:
  friend class WaiterList;

  Waiter* previous_ = nullptr;
  Waiter* next_ = nullptr;
};

/// A first-in, first-out list of waiters, which it does not own.
class WaiterList {
 public:
  WaiterList() noexcept { ends_.previous_ = ends_.next_ = &ends_; }
  WaiterList(const WaiterList&) = delete;
  WaiterList& operator=(const WaiterList&) = delete;
  ~WaiterList() {
    while (pop_front() != nullptr) {
    }
    ends_.next_ = nullptr;
  }

  [[nodiscard]] bool empty() const noexcept { return ends_.next_ == &ends_; }

  /// Moves `waiter` from its present list, if any, to the end of this one.
  void push_back(Waiter& waiter) noexcept {
    waiter.unlink();
    waiter.previous_ = ends_.previous_;
    waiter.next_ = &ends_;
    ends_.previous_->next_ = &waiter;
    ends_.previous_ = &waiter;
  }

  /// Removes and returns the waiter that has waited longest; nullptr if the list is empty.
  Waiter* pop_front() noexcept {
    if (empty()) return nullptr;
    Waiter* first = ends_.next_;
    first->unlink();
    return first;
  }

  /// Moves all waiters to the end of `other`.
  void move_to(WaiterList& other) noexcept {
    if (empty()) return;
    Waiter* first = ends_.next_;
    Waiter* last = ends_.previous_;
    ends_.previous_ = ends_.next_ = &ends_;
    first->previous_ = other.ends_.previous_;
    last->next_ = &other.ends_;
    first->previous_->next_ = first;
    other.ends_.previous_ = last;
  }

 private:
  Waiter ends_;
};

}  // namespace hallway::detail
