// SPDX-License-Identifier: Apache-2.0
// Layer: core
//
// A point in time by which several steps together must be done.
#pragma once

#include <algorithm>
#include <chrono>

#include <hallway/limits.hpp>

namespace hallway {

/// The point in time by which an operation must be done, with all its steps. Each step gets what is
/// left:
///
///     const Deadline deadline(5s);
///     co_await peer.send(question);
///     auto answer = co_await peer.receive(deadline.left());
///
/// Copyable. Monotonic time, which continues while a loop runs one turn. Thread: any.
class Deadline {
 public:
  /// @param within  from now; zero or less has passed at once, and `forever` never passes
  explicit Deadline(Duration within) {
    const auto now = Clock::now();
    const bool fits = within < Clock::time_point::max() - now;
    when_ = fits ? now + std::max(within, Duration::zero()) : Clock::time_point::max();
  }

  /// `forever` if it never passes, and zero once it has passed.
  [[nodiscard]] Duration left() const {
    if (when_ == Clock::time_point::max()) return forever;
    return std::max<Duration>(when_ - Clock::now(), Duration::zero());
  }
  [[nodiscard]] bool passed() const { return left() == Duration::zero(); }

 private:
  using Clock = std::chrono::steady_clock;

  Clock::time_point when_;
};

}  // namespace hallway
