// SPDX-License-Identifier: Apache-2.0
// Layer: loop
//
// An awaitable that waits by means of a task of its own. Internal.
#pragma once

#include <coroutine>
#include <hallway/detail/require_cpp23.hpp>
#include <optional>
#include <source_location>
#include <utility>

#include <hallway/detail/task_promise.hpp>
#include <hallway/task.hpp>

namespace hallway::detail {

/// The task, from the time it is started.
class InnerWait {
 public:
  [[nodiscard]] bool begun() const noexcept { return started_.has_value(); }

  /// @return whether the awaiting coroutine has to wait; as await_suspend()
  template <typename Promise>
  bool begin(std::coroutine_handle<Promise> awaiting, std::source_location where, Task<> task) {
    return started_.emplace(std::move(task)).awaiter.await_suspend(awaiting, where);
  }

  /// After the wait. Rethrows the exception that ended the task.
  void finish() {
    if (started_) started_->awaiter.await_resume();
  }

 private:
  struct Started {
    explicit Started(Task<> started)
        : task(std::move(started)), awaiter(std::move(task).operator co_await()) {}

    Task<> task;
    TaskAwaiter<void> awaiter;
  };
  std::optional<Started> started_;
};

}  // namespace hallway::detail
