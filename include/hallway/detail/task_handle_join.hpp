// SPDX-License-Identifier: Apache-2.0
// Layer: loop
//
// What TaskHandle::join() returns. Internal: included by
// task_handle.hpp.
#pragma once

#include <hallway/detail/require_cpp23.hpp>

#include <coroutine>
#include <exception>
#include <source_location>

#include <hallway/detail/wait_point.hpp>
#include <hallway/detail/waiter.hpp>
#include <hallway/task_handle.hpp>  // NOLINT(misc-header-include-cycle): to be complete alone

namespace hallway {

/// The awaitable that join() returns; await it at once.
class [[nodiscard]] TaskHandle::Join {
 public:
  explicit Join(TaskHandle& handle) noexcept : handle_(handle) {}
  Join(const Join&) = delete;
  Join& operator=(const Join&) = delete;

  [[nodiscard]] bool await_ready() const noexcept { return handle_.done(); }
  template <typename Promise>
  void await_suspend(std::coroutine_handle<Promise> awaiting,
                     std::source_location where = std::source_location::current()) noexcept {
    detail::note_wait(awaiting, where);
    waiter_.coroutine = awaiting;
    handle_.joining_.push_back(waiter_);
  }
  void await_resume() const {
    if (handle_.failure_) std::rethrow_exception(handle_.failure_);
  }

 private:
  TaskHandle& handle_;
  detail::Waiter waiter_;
};

inline TaskHandle::Join TaskHandle::join() & { return Join(*this); }

}  // namespace hallway
