// SPDX-License-Identifier: Apache-2.0
// Layer: loop
//
// What spawn() returns.
#pragma once

#include <hallway/detail/require_cpp23.hpp>

#include <coroutine>
#include <exception>
#include <source_location>
#include <string>
#include <utility>

#include <hallway/detail/forward.hpp>
#include <hallway/detail/wait_point.hpp>
#include <hallway/detail/waiter.hpp>
#include <hallway/export.hpp>

namespace hallway {

/// Where a task waits.
struct WaitingTask {
  std::string function;  ///< the innermost coroutine outside of the library: "heartbeat"
  std::string file;      ///< as the compiler was given it
  unsigned line = 0;     ///< of the co_await

  /// "heartbeat (chat.cpp:31)"
  [[nodiscard]] HALLWAY_EXPORT std::string to_string() const;
};

/// A task that was given to Loop::spawn() or TaskScope::spawn(). Destroying the handle leaves the
/// task alone. Movable, except while a task waits in join(). Thread: the loop's.
class HALLWAY_EXPORT TaskHandle {
 public:
  TaskHandle() noexcept = default;  ///< of no task: done() is true
  TaskHandle(TaskHandle&& other) noexcept;
  TaskHandle& operator=(TaskHandle&& other) noexcept;
  TaskHandle(const TaskHandle&) = delete;
  TaskHandle& operator=(const TaskHandle&) = delete;
  ~TaskHandle();

  [[nodiscard]] bool done() const noexcept { return member_ == nullptr; }

  /// Ends the task where it waits, and destroys what it holds. A task cannot cancel itself: that
  /// ends the process with a message. Tasks in join() continue.
  void cancel() noexcept;

  class Join;  ///< await it at once: gives nothing
  /// Completes when the task has ended, and rethrows the exception that ended it. Without a task
  /// that waits here, an exception leaves Loop::run(). Precondition: the handle exists until then;
  /// hence only for a handle with a name.
  [[nodiscard]] Join join() &;

 private:
  friend class detail::TaskGroup;
  friend struct detail::TaskMember;

  void follow(TaskHandle& other) noexcept;
  void ended() noexcept;

  detail::LoopCore* core_ = nullptr;
  detail::TaskMember* member_ = nullptr;
  detail::WaiterList joining_;
  std::exception_ptr failure_;
};

}  // namespace hallway

#include <hallway/detail/task_handle_join.hpp>
