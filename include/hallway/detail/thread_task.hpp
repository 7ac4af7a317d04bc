// SPDX-License-Identifier: Apache-2.0
// Layer: loop
//
// How in_thread() waits. Internal.
#pragma once

#include <hallway/detail/require_cpp23.hpp>

#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>

#include <hallway/export.hpp>
#include <hallway/task.hpp>

namespace hallway::detail {

/// Runs `work` in a thread of the pool and completes afterwards. If the task is destroyed before,
/// the work goes on alone.
HALLWAY_EXPORT Task<> run_in_thread(std::move_only_function<void()> work);

template <typename F>
using ThreadResult = std::invoke_result_t<std::decay_t<F>&>;

template <typename T>
struct ThreadOutput {
  std::exception_ptr exception;
  std::conditional_t<std::is_void_v<T>, bool, std::optional<T>> value{};
};

template <typename T, typename F>
Task<T> in_thread_kept(F work) {
  // Shared with the thread, which goes on if this task is destroyed.
  const auto output = std::make_shared<ThreadOutput<T>>();
  auto run = [output, work = std::move(work)]() mutable {
    try {
      if constexpr (std::is_void_v<T>) {
        work();
      } else {
        output->value.emplace(work());
      }
    } catch (...) {
      output->exception = std::current_exception();
    }
  };
  co_await run_in_thread(std::move(run));
  if (output->exception) std::rethrow_exception(output->exception);
  if constexpr (!std::is_void_v<T>) co_return std::move(*output->value);
}

}  // namespace hallway::detail
