// SPDX-License-Identifier: Apache-2.0
//
// Every function of this layer is one system call and returns its value or errno, which is read
// before anything else can change it. Callers of this layer never see EINTR. The layer that knows
// what was attempted, and on what, adds the words with failure().
#pragma once

#include <cerrno>
#include <expected>
#include <string>
#include <system_error>
#include <type_traits>
#include <utility>

#include <hallway/error.hpp>

#include "sys/fault_hook.hpp"

namespace hallway::sys {

template <typename T>
using Expected = std::expected<T, int>;

/// The one place where an errno becomes an Error.
inline std::unexpected<Error> failure(int number, std::string operation, std::string subject,
                                      std::string reason = {}, std::string hint = {}) {
  return std::unexpected(Error{std::error_code(number, std::generic_category()),
                               std::move(operation), std::move(subject), std::move(reason),
                               std::move(hint)});
}

/// Runs `call` until no signal interrupts it. Returns its value, or errno if the value is -1. A
/// call that can transfer less than asked takes a bool: whether to move one byte only.
template <typename Function>
auto retry_on_eintr(Call kind, Function&& call) {
  const auto run = [&call](const InjectedFault& fault) {
    if constexpr (std::is_invocable_v<Function&, bool>) {
      return call(fault.one_byte);
    } else {
      return call();
    }
  };
  using Value = decltype(run(InjectedFault{}));
  while (true) {
    const InjectedFault fault = consult_fault_hook(kind);
    // errno is set as the kernel sets it, so that the code below handles both alike.
    if (fault.error != 0) [[unlikely]]
      errno = fault.error;
    const Value value = fault.error != 0 ? Value{-1} : run(fault);
    if (value != -1) return Expected<Value>(value);
    if (errno != EINTR) return Expected<Value>(std::unexpected(errno));
  }
}

/// The same for calls whose value reports nothing but success.
template <typename Function>
Expected<void> check(Call kind, Function&& call) {
  const auto value = retry_on_eintr(kind, std::forward<Function>(call));
  if (!value) return std::unexpected(value.error());
  return {};
}

}  // namespace hallway::sys
