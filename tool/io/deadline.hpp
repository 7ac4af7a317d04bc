// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <chrono>

#include <hallway/limits.hpp>

namespace hallway::tool {

/// The point in time by which all steps of an operation together must be done.
class Deadline {
 public:
  explicit Deadline(Duration within)
      : endless_(within == forever),
        moment_(Clock::now() + (endless_ ? Duration::zero() : within)) {}

  [[nodiscard]] Duration left() const {
    if (endless_) return forever;
    return std::max<Duration>(moment_ - Clock::now(), Duration::zero());
  }
  [[nodiscard]] bool passed() const { return left() == Duration::zero(); }

 private:
  using Clock = std::chrono::steady_clock;

  bool endless_;
  Clock::time_point moment_;
};

}  // namespace hallway::tool
