// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <coroutine>
#include <cstddef>
#include <exception>
#include <utility>

#include <hallway/task.hpp>

namespace hallway::detail {

/// Coroutines that run without being awaited. Each leaves the group when it ends; those left when
/// the group ends are destroyed where they are suspended.
class TaskGroup {
 public:
  /// What a coroutine of a group returns; its first parameter is the group:
  ///
  ///     TaskGroup::Spawned tick(TaskGroup&, Loop& loop) { co_await loop.sleep(1s); }
  ///
  /// It starts at once and is destroyed when it ends. An exception that ends it is stored for
  /// rethrow_failure().
  class Spawned;

  TaskGroup() noexcept = default;
  TaskGroup(const TaskGroup&) = delete;
  TaskGroup& operator=(const TaskGroup&) = delete;
  ~TaskGroup() { clear(); }

  /// Adopts `task` and starts it now.
  void spawn(Task<> task);

  void clear() noexcept;
  [[nodiscard]] std::size_t size() const noexcept { return size_; }

  /// Throws the first exception a coroutine of this group ended with, if any.
  void rethrow_failure() {
    if (failure_) std::rethrow_exception(std::exchange(failure_, nullptr));
  }

 private:
  /// The link of a coroutine in its group.
  struct Member {
    Member(TaskGroup& owner, std::coroutine_handle<> self) noexcept;
    Member(const Member&) = delete;
    Member& operator=(const Member&) = delete;
    ~Member();

    std::coroutine_handle<> coroutine;
    TaskGroup& group;
    Member* previous = nullptr;
    Member* next;
  };

  Member* first_ = nullptr;
  std::size_t size_ = 0;
  std::exception_ptr failure_;
};

class TaskGroup::Spawned {
 public:
  struct promise_type : private Member {
    // A promise is constructed with its coroutine's arguments, and so receives its group.
    template <typename... Others>
    explicit promise_type(TaskGroup& owner, const Others&... /*others*/) noexcept
        : Member(owner, std::coroutine_handle<promise_type>::from_promise(*this)) {}

    Spawned get_return_object() noexcept { return {}; }
    std::suspend_never initial_suspend() noexcept { return {}; }
    std::suspend_never final_suspend() noexcept { return {}; }
    void return_void() noexcept {}
    void unhandled_exception() noexcept {
      if (!group.failure_) group.failure_ = std::current_exception();
    }
  };
};

}  // namespace hallway::detail
