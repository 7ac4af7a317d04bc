// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <concepts>
#include <coroutine>
#include <cstddef>
#include <exception>
#include <source_location>
#include <utility>
#include <vector>

#include <hallway/detail/wait_point.hpp>
#include <hallway/detail/waiter.hpp>
#include <hallway/loop.hpp>
#include <hallway/task.hpp>
#include <hallway/task_handle.hpp>

#include "core/linked_list.hpp"

namespace hallway::detail {

class LoopCore;

/// Coroutines that run without being awaited. Each leaves the group when it ends; those left when
/// the group ends are destroyed where they are suspended.
class TaskGroup : public core::Linked<TaskGroup> {
 public:
  /// What a coroutine of a group returns; its first parameter is the group:
  ///
  ///     TaskGroup::Spawned tick(TaskGroup&, Loop& loop) { co_await loop.sleep(1s); }
  ///
  /// It starts at once and is destroyed when it ends. An exception that ends it is stored for
  /// rethrow_failure().
  class Spawned;

  enum class Report : std::uint8_t {
    tasks,    ///< those left when a drain's time is up are named
    nothing,  ///< its coroutines are the library's own
  };

  /// The loop outlives the group.
  explicit TaskGroup(LoopCore& core, Report report = Report::nothing) noexcept;
  TaskGroup(const TaskGroup&) = delete;
  TaskGroup& operator=(const TaskGroup&) = delete;
  ~TaskGroup() { clear(); }

  /// Adopts `task` and starts it now. Ends the process if the task's coroutine uses the captures of
  /// a lambda, which may be gone.
  TaskHandle spawn(Task<> task, std::source_location where = std::source_location::current());

  /// Destroys all coroutines. Ends the process if one of them is running.
  void clear() noexcept;
  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  [[nodiscard]] LoopCore& core() const noexcept { return core_; }

  /// Throws the first exception a coroutine of this group ended with, if any.
  void rethrow_failure() {
    if (failure_) std::rethrow_exception(std::exchange(failure_, nullptr));
  }
  [[nodiscard]] std::exception_ptr take_failure() noexcept {
    return std::exchange(failure_, nullptr);
  }
  /// Unless there is one already.
  void keep_failure(std::exception_ptr failure) noexcept {
    if (!failure_) failure_ = std::move(failure);
  }

  /// Tasks that wait until the group is empty.
  [[nodiscard]] WaiterList& joining() noexcept { return joining_; }

  /// Whether each coroutine waits for nothing but time.
  [[nodiscard]] bool idle() const noexcept;
  /// Adds where each coroutine waits.
  void list_waiting(std::vector<WaitingTask>& tasks) const;

  /// Ends the spawned task of this promise where it waits. Does nothing if the task was not
  /// spawned, or is running.
  static void end_spawned(TaskPromiseBase& promise) noexcept;
  static void cancel(TaskMember& member) noexcept;

 private:
  friend struct TaskMember;

  LoopCore& core_;
  const Report report_;
  mutable bool looking_ = false;  // idle() is being called: a task of the group waits for the group
  TaskMember* first_ = nullptr;
  std::size_t size_ = 0;
  std::exception_ptr failure_;
  WaiterList joining_;
};

/// The link of a coroutine in its group.
struct TaskMember : WaitPoint {
  TaskMember(TaskGroup& owner, std::coroutine_handle<> self, TaskPromiseBase* its_task,
             TaskHandle* its_handle) noexcept;
  TaskMember(const TaskMember&) = delete;
  TaskMember& operator=(const TaskMember&) = delete;
  ~TaskMember();

  void failed(std::exception_ptr failure) noexcept;

  std::coroutine_handle<> coroutine;
  TaskGroup& group;
  TaskPromiseBase* task;  // that was given to spawn(); null for other coroutines
  TaskHandle* handle;     // null once the handle is gone
  TaskMember* previous = nullptr;
  TaskMember* next;
};

class TaskGroup::Spawned {
 public:
  struct promise_type : TaskMember {
    // A promise is constructed with its coroutine's arguments, and so receives its group.
    template <typename... Others>
    explicit promise_type(TaskGroup& owner, const Others&... /*others*/) noexcept
        : TaskMember(owner, std::coroutine_handle<promise_type>::from_promise(*this), nullptr,
                     nullptr) {}
    promise_type(TaskGroup& owner, const Task<>& its_task, TaskHandle& its_handle,
                 std::source_location /*where*/) noexcept
        : TaskMember(owner, std::coroutine_handle<promise_type>::from_promise(*this),
                     &its_task.coroutine_.promise(), &its_handle) {}

    Spawned get_return_object() noexcept { return {}; }
    std::suspend_never initial_suspend() noexcept { return {}; }
    std::suspend_never final_suspend() noexcept { return {}; }
    void return_void() noexcept {}
    void unhandled_exception() noexcept { failed(std::current_exception()); }
  };
};

}  // namespace hallway::detail
