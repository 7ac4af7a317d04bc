// SPDX-License-Identifier: Apache-2.0
// Layer: loop
//
// A coroutine that starts when it is awaited and ends with a value or an exception.
#pragma once

#include <hallway/detail/require_cpp23.hpp>

#include <cassert>
#include <coroutine>
#include <exception>
#include <source_location>
#include <type_traits>
#include <utility>

#include <hallway/detail/task_promise.hpp>

namespace hallway {

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
/// To run several tasks at once, see Loop::spawn(), TaskScope and when_any().
///
/// GCC before version 13 miscompiles some coroutines (its bug 99576 and others of that kind). What
/// Hallway can see of that is refused, when it is compiled or when it is started:
/// - A co_await in the condition of an if, while, for or switch, in a function that declares no
///   variable at all (a lambda is not affected). When it is started, it ends the process with a
///   message. Declare one: `if (const bool ok = co_await f(); !ok)`, or `while (auto message =
///   co_await peer.receive())`.
/// - Options with strings or callbacks that are made inside an awaited call, and lambdas that are
///   made in a call of in_thread() and capture objects with destructors. It does not compile; give
///   them a name first.
/// What it cannot see destroys an object twice:
/// - Any other object with a destructor that is made inside an awaited call, with braces or as a
///   lambda with captures. Give it a name first.
/// - A `?:` with a co_await in one of its results, if these have destructors. Write an if.
///
/// A lambda's captures belong to the lambda and not to its coroutine. Pass the lambda to spawn(),
/// which keeps it, and not the task that it makes: `spawn([peer] { ... }())` ends the process with
/// a message when it is started.
///
/// Ownership: parameters taken by value live in the coroutine; references must outlive it.
/// Thread: the loop's.
template <typename T = void>
class [[nodiscard]] Task {
 public:
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
    assert(coroutine_ && "a task is awaited once");
    return detail::TaskAwaiter<T>{coroutine_};
  }

 private:
  friend detail::TaskPromise<T>;
  friend detail::TaskGroup;
  explicit Task(std::coroutine_handle<detail::TaskPromise<T>> coroutine) noexcept
      : coroutine_(coroutine) {}

  std::coroutine_handle<detail::TaskPromise<T>> coroutine_;
};

template <typename T>
Task<T> detail::TaskPromise<T>::get_return_object() noexcept {
  const auto coroutine = std::coroutine_handle<TaskPromise>::from_promise(*this);
  this->misplaced = is_misplaced(coroutine.address());
  return Task<T>(coroutine);
}
inline Task<void> detail::TaskPromise<void>::get_return_object() noexcept {
  const auto coroutine = std::coroutine_handle<TaskPromise>::from_promise(*this);
  misplaced = is_misplaced(coroutine.address());
  return Task<void>(coroutine);
}

}  // namespace hallway

/// Chooses the promise of a Task from the parameters of its coroutine.
template <typename T, typename... Parameters>
struct std::coroutine_traits<hallway::Task<T>, Parameters...> {
  using promise_type = hallway::detail::PromiseOf<T, Parameters...>;
};
