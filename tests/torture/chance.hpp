// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <random>
#include <vector>

namespace hallway::torture {

/// What a driver decides by, and decides again with the same seed.
class Chance {
 public:
  explicit Chance(std::uint64_t seed) : random_(seed) {}

  /// Precondition: `below` is more than 0.
  std::size_t number(std::size_t below) { return random_() % below; }
  bool percent(unsigned of_hundred) { return random_() % 100 < of_hundred; }
  template <typename T>
  const T& one_of(const std::vector<T>& from) {
    return from[number(from.size())];
  }

 private:
  std::mt19937_64 random_;
};

}  // namespace hallway::torture
