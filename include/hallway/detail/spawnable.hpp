// SPDX-License-Identifier: Apache-2.0
// Layer: loop
//
// What Loop::spawn() and Loop::run() make around a task. Internal.
#pragma once

#include <concepts>
#include <exception>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>

#include <hallway/task.hpp>

namespace hallway {

/// A callable without parameters that returns a Task<>, such as a lambda that is a coroutine.
template <typename F>
concept MakesTask = requires(F make) {
  { make() } -> std::same_as<Task<>>;
};

namespace detail {

/// Keeps the callable, whose captures the task may use, until the task has ended.
template <MakesTask F>
Task<> keep_and_run(F make) {
  co_await make();
}

/// The result of a task passed to Loop::run(). Shared with its coroutine, because another task's
/// exception may end run() before that coroutine ends.
template <typename T>
struct RunResult {
  bool done = false;
  std::exception_ptr exception;
  std::conditional_t<std::is_void_v<T>, bool, std::optional<T>> value{};
};

template <typename T>
Task<> run_into(Task<T> task, std::shared_ptr<RunResult<T>> result) {
  try {
    if constexpr (std::is_void_v<T>) {
      co_await std::move(task);
    } else {
      result->value.emplace(co_await std::move(task));
    }
  } catch (...) {
    result->exception = std::current_exception();
  }
  result->done = true;
}

}  // namespace detail

}  // namespace hallway
