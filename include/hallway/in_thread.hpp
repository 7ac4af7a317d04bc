// SPDX-License-Identifier: Apache-2.0
// Layer: loop
//
// Blocking work beside the loop.
#pragma once

#include <type_traits>
#include <utility>

#include <hallway/detail/gcc12.hpp>
#include <hallway/detail/thread_task.hpp>
#include <hallway/export.hpp>
#include <hallway/task.hpp>

namespace hallway {

/// Runs a function that blocks, in a thread of the library, and returns its value or rethrows its
/// exception; the loop goes on meanwhile. Await it on a loop, at once:
///
///     auto text = co_await in_thread([] { return read_whole_file("/etc/motd"); });
///
/// At most bounds::blocking_threads functions run at once in a process; others wait for their turn.
/// A thread ends when it had nothing to do for a while, and signals are not delivered to it. A task
/// that is cancelled does not wait for its function, which then runs to its end alone: it must own
/// what it uses. Draining waits for the function, until the drain's time is up. Throws
/// std::system_error if the library has no thread and the system refuses one.
///
/// With GCC 12, a lambda that captures objects with destructors must have a name, because it would
/// be destroyed twice: `auto read = [path] { ... }; co_await in_thread(read);`. It does not compile
/// otherwise.
template <typename F>
  requires std::is_invocable_v<std::decay_t<F>&>
[[nodiscard]] Task<std::invoke_result_t<std::decay_t<F>&>> in_thread(F&& work) {
  static_assert(
      !HALLWAY_GCC12_COROUTINES || std::is_lvalue_reference_v<F> ||
          std::is_trivially_destructible_v<F>,
      "GCC 12 destroys what this lambda captures twice: give the lambda a name first, and "
      "pass that: auto work = [...] {...}; co_await in_thread(work);");
  return detail::in_thread_kept<detail::ThreadResult<F>, std::decay_t<F>>(std::forward<F>(work));
}

}  // namespace hallway
