// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

#include <hallway/error.hpp>

namespace hallway::detail {

/// Lets one event through a second, and counts the others.
class OncePerSecond {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;

  /// @return how many events were held back since the last one that was let through; nullopt if
  ///         this one is held back
  std::optional<std::uint64_t> admit(TimePoint now) noexcept;

 private:
  std::optional<TimePoint> last_;
  std::uint64_t held_back_ = 0;
};

/// Prints a failure whose result was destroyed without being looked at: one line on stderr, at most
/// one a second in a process. The next line states how many were not printed. Without memory for
/// the line, nothing is printed.
/// Blocking: while stderr takes no more. Thread: any.
void report_unread(const Error& error) noexcept;

}  // namespace hallway::detail
