// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <chrono>

#include <hallway/limits.hpp>

namespace hallway::core {

/// The point in time by which an operation, with all its steps, must be done.
class Deadline {
 public:
  explicit Deadline(Duration within)
      : endless_(within == forever),
        when_(endless_ ? Clock::time_point::max() : Clock::now() + within) {}

  [[nodiscard]] Duration left() const {
    return endless_ ? forever : std::max<Duration>(when_ - Clock::now(), Duration::zero());
  }

 private:
  using Clock = std::chrono::steady_clock;
  bool endless_;
  Clock::time_point when_;
};

}  // namespace hallway::core
