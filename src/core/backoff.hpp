// SPDX-License-Identifier: Apache-2.0
//
// Exponential back-off: each wait between two attempts is twice as long as the last one, up to a
// longest one.
#pragma once

#include <algorithm>
#include <utility>

#include <hallway/limits.hpp>

namespace hallway::core {

class Backoff {
 public:
  constexpr Backoff(Duration first, Duration longest) noexcept
      : first_(std::min(first, longest)), longest_(longest), next_(first_) {}

  constexpr Duration next() noexcept {
    return std::exchange(next_, next_ > longest_ / 2 ? longest_ : 2 * next_);
  }

  /// The waits start over, as after a successful attempt.
  constexpr void reset() noexcept { next_ = first_; }

 private:
  Duration first_;
  Duration longest_;
  Duration next_;
};

}  // namespace hallway::core
