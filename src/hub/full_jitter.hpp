// SPDX-License-Identifier: Apache-2.0
//
// Exponential back-off with full jitter: each wait between two attempts is a random time up to a
// bound, and the bound doubles each time. If only a part of the wait were random, clients that
// failed together would reconnect together.
#pragma once

#include <cstdint>
#include <random>

#include "core/backoff.hpp"

namespace hallway::hub {

class FullJitter {
 public:
  FullJitter(Duration first, Duration most, std::uint64_t seed)
      : bound_(first, most), random_(seed) {}

  Duration next() {
    std::uniform_int_distribution<Duration::rep> below(0, bound_.next().count());
    return Duration(below(random_));
  }

  /// Call after a successful attempt: the bound starts over.
  void reset() noexcept { bound_.reset(); }

 private:
  core::Backoff bound_;
  std::mt19937_64 random_;
};

}  // namespace hallway::hub
