// SPDX-License-Identifier: Apache-2.0
// Layer: loop
//
// Waiting for the first of several things, or for something until a time is over.
#pragma once

#include <cstddef>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>

#include <hallway/detail/race.hpp>
#include <hallway/error.hpp>
#include <hallway/limits.hpp>

namespace hallway {

/// Waits until the first of several awaitables completes; the others are cancelled where they wait.
/// A message that a cancelled receive would have given stays to be received. Awaitables after one
/// that completes at once are not begun. Any mix of tasks and of what the functions of this library
/// return can be raced. Await it at once:
///
///     auto next = co_await when_any(peer.receive(), jobs.receive(), loop.sleep(1s));
///     if (next.index() == 0) use(std::get<0>(next));
///
/// @return a std::variant with the value of the first, at its index; std::monostate for void. An
///         exception of the first is rethrown.
template <Awaitable... Awaitables>
  requires(sizeof...(Awaitables) > 0)
[[nodiscard]] auto when_any(Awaitables&&... awaitables) {
  static_assert(
      (!std::is_lvalue_reference_v<Awaitables> && ...),
      "what is raced is made in the call, or is a task that is moved into it, because the "
      "race cancels it: when_any(peer.receive(), std::move(task))");
  return detail::Race<Awaitables...>(std::forward<Awaitables>(awaitables)...);
}

/// Waits for an awaitable, at most for `within`; then it is cancelled where it waits. Await it at
/// once, on a loop.
///
/// @return what the awaitable returns, if that can say so: an Outcome, or a result with an outcome
///         (Received, Sent, ...), is then timed_out; a Result<T> has the error timed_out. For any
///         other T it is a Result<T>.
template <Awaitable A>
[[nodiscard]] auto with_timeout(A&& awaitable, Duration within) {
  static_assert(
      !std::is_lvalue_reference_v<A>,
      "what is timed is made in the call, or is a task that is moved into it, because it is "
      "cancelled when the time is over: with_timeout(std::move(task), 1s)");
  return detail::with_timeout(std::forward<A>(awaitable), within);
}

}  // namespace hallway
