// SPDX-License-Identifier: Apache-2.0
// Layer: loop
#pragma once

#include <cassert>
#include <coroutine>
#include <exception>
#include <optional>
#include <type_traits>
#include <utility>

namespace hallway {

template <typename T>
class Task;

namespace detail {

/// What the promises of Task<T> and Task<void> share: the coroutine to continue, and the exception.
struct TaskPromiseBase {
  std::coroutine_handle<> continuation;
  std::exception_ptr exception;
  bool starting = false;  // the awaiter is still inside resume(): it continues by itself

  std::suspend_always initial_suspend() noexcept { return {}; }

  struct Finished {
    bool await_ready() noexcept { return false; }
    template <typename Promise>
    std::coroutine_handle<> await_suspend(std::coroutine_handle<Promise> self) noexcept {
      const TaskPromiseBase& promise = self.promise();
      if (promise.starting || !promise.continuation) return std::noop_coroutine();
      return promise.continuation;
    }
    void await_resume() noexcept {}
  };
  Finished final_suspend() noexcept { return {}; }

  void unhandled_exception() noexcept { exception = std::current_exception(); }
};

template <typename T>
struct TaskPromise : TaskPromiseBase {
  std::optional<T> value;

  Task<T> get_return_object() noexcept;
  template <typename U>
  void return_value(U&& result) {
    value.emplace(std::forward<U>(result));
  }
  T take() {
    if (exception) std::rethrow_exception(exception);
    return std::move(*value);
  }
};

template <>
struct TaskPromise<void> : TaskPromiseBase {
  Task<void> get_return_object() noexcept;
  void return_void() noexcept {}
  void take() const {
    if (exception) std::rethrow_exception(exception);
  }
};

}  // namespace detail

/// A coroutine that starts when it is awaited and ends with a value or an exception.
///
/// Destroying a task destroys its coroutine wherever it is suspended, and with it everything it
/// holds. This is how waiting is cancelled from outside.
///
///     Task<int> answer(Connection& peer) {
///       auto message = co_await peer.receive();
///       co_return message ? 1 : 0;
///     }
///
/// With GCC 12, keep co_await out of the bare condition of an `if` or `while`: it miscompiles
/// `if (!co_await f()) co_return;`. A declaration there works: `while (auto m = co_await f())`.
/// Also give options a name first: if a struct is constructed in the awaited call, as in
/// `co_await f({.name = "n"})`, GCC 12 destroys its strings twice.
///
/// Ownership: parameters taken by value live in the coroutine; references must outlive it.
/// Thread: the loop's.
template <typename T = void>
class [[nodiscard]] Task {
 public:
  using promise_type = detail::TaskPromise<T>;

  Task(Task&& other) noexcept : coroutine_(std::exchange(other.coroutine_, nullptr)) {}
  Task& operator=(Task&& other) noexcept {
    if (this != &other) {
      if (coroutine_) coroutine_.destroy();
      coroutine_ = std::exchange(other.coroutine_, nullptr);
    }
    return *this;
  }
  Task(const Task&) = delete;
  Task& operator=(const Task&) = delete;
  ~Task() {
    if (coroutine_) coroutine_.destroy();
  }

  /// Runs the task. Awaiting returns its value or rethrows its exception. A task is awaited once.
  auto operator co_await() && noexcept {
    struct Awaiter {
      std::coroutine_handle<promise_type> task;

      bool await_ready() const noexcept { return false; }
      // The task is resumed from here and not by symmetric transfer: a loop over tasks that never
      // suspend must not grow the stack, whether or not the optimizer makes tail calls.
      bool await_suspend(std::coroutine_handle<> awaiting) {
        auto& promise = task.promise();
        promise.continuation = awaiting;
        promise.starting = true;
        task.resume();
        promise.starting = false;
        return !task.done();
      }
      T await_resume() { return task.promise().take(); }
    };
    assert(coroutine_ && "a task is awaited once");
    return Awaiter{coroutine_};
  }

 private:
  friend promise_type;
  explicit Task(std::coroutine_handle<promise_type> coroutine) noexcept : coroutine_(coroutine) {}

  std::coroutine_handle<promise_type> coroutine_;
};

namespace detail {

template <typename T>
Task<T> TaskPromise<T>::get_return_object() noexcept {
  return Task<T>(std::coroutine_handle<TaskPromise<T>>::from_promise(*this));
}
inline Task<void> TaskPromise<void>::get_return_object() noexcept {
  return Task<void>(std::coroutine_handle<TaskPromise<void>>::from_promise(*this));
}

}  // namespace detail

}  // namespace hallway
