// SPDX-License-Identifier: Apache-2.0
//
// Exponential back-off with full jitter: each wait between two attempts is a random time up to a
// bound, and the bound doubles each time. If only a part of the wait were random, clients that
// failed together would reconnect together.
#pragma once

#include <algorithm>
#include <cstdint>
#include <random>

#include <hallway/limits.hpp>

namespace hallway::hub {

class FullJitter {
 public:
  FullJitter(Duration first, Duration most, std::uint64_t seed)
      : first_(first), most_(most), bound_(std::min(first, most)), random_(seed) {}

  Duration next() {
    std::uniform_int_distribution<Duration::rep> below(0, bound_.count());
    bound_ = bound_ > most_ / 2 ? most_ : 2 * bound_;
    return Duration(below(random_));
  }

  /// Call after a successful attempt: the bound starts over.
  void reset() noexcept { bound_ = std::min(first_, most_); }

 private:
  Duration first_;
  Duration most_;
  Duration bound_;
  std::mt19937_64 random_;
};

}  // namespace hallway::hub
