// SPDX-License-Identifier: Apache-2.0
#include "sys/thread.hpp"

#include <cerrno>
#include <system_error>
#include <utility>

#include "core/thread_with_signals_blocked.hpp"

namespace hallway::sys {

Expected<std::thread> start_thread(std::move_only_function<void()> body) {
  std::thread thread;
  const auto started = check(Call::thread, [&] {
    try {
      thread = core::thread_with_signals_blocked(std::move(body));
      return 0;
    } catch (const std::system_error& error) {
      errno = error.code().value();
      return -1;
    }
  });
  if (!started) return std::unexpected(started.error());
  return thread;
}

}  // namespace hallway::sys
