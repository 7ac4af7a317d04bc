// SPDX-License-Identifier: Apache-2.0
//
// Finds the index of an item by the hash of its name. The items are stored in a Pool. This table
// holds only eight bytes for each, side by side, so most look-ups touch one cache line.
//
// Open addressing with linear probing. Erasing an entry moves the entries behind it back at once,
// so adding and erasing leave no tombstones.
#pragma once

#include <cassert>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "subject/pool.hpp"

namespace hallway::hub {

class HashIndex {
 public:
  HashIndex() : HashIndex(fewest_places) {}

  /// The index for which `is(index)` returns true, among those with this hash; or no_index.
  template <typename Is>
  [[nodiscard]] Index find(std::uint32_t hash, Is is) const {
    for (std::size_t at = home(hash); places_[at].index != no_index; at = after(at)) {
      if (places_[at].hash == hash && is(places_[at].index)) return places_[at].index;
    }
    return no_index;
  }

  /// Prefetches the entry for a find() with this hash.
  void prefetch(std::uint32_t hash) const noexcept { __builtin_prefetch(&places_[home(hash)]); }

  /// Makes room for one more. Besides the constructor, the only function that may throw.
  void reserve_one() {
    if (2 * (size_ + 1) <= places_.size()) return;
    HashIndex larger(2 * places_.size());
    for (const Place& place : places_) {
      if (place.index != no_index) larger.insert(place.hash, place.index);
    }
    *this = std::move(larger);
  }

  /// Precondition: reserve_one().
  void insert(std::uint32_t hash, Index index) noexcept {
    assert(2 * (size_ + 1) <= places_.size());
    std::size_t at = home(hash);
    while (places_[at].index != no_index) at = after(at);
    places_[at] = {hash, index};
    ++size_;
  }

  /// Precondition: the index is in the table under this hash.
  void erase(std::uint32_t hash, Index index) noexcept {
    std::size_t hole = home(hash);
    while (places_[hole].index != index) hole = after(hole);
    for (std::size_t at = after(hole); places_[at].index != no_index; at = after(at)) {
      // An entry must not move to a hole that lies before its home.
      if (steps(home(places_[at].hash), at) < steps(hole, at)) continue;
      places_[hole] = places_[at];
      hole = at;
    }
    places_[hole] = {};
    --size_;
  }

 private:
  struct Place {
    std::uint32_t hash = 0;
    Index index = no_index;
  };

  // At most half of the places are used, and their number is a power of two.
  static constexpr std::size_t fewest_places = 16;
  explicit HashIndex(std::size_t places) : places_(places), mask_(places - 1) {}

  [[nodiscard]] std::size_t home(std::uint32_t hash) const noexcept { return hash & mask_; }
  [[nodiscard]] std::size_t after(std::size_t at) const noexcept { return (at + 1) & mask_; }
  [[nodiscard]] std::size_t steps(std::size_t from, std::size_t to) const noexcept {
    return (to - from) & mask_;
  }

  std::vector<Place> places_;
  std::size_t mask_;
  std::size_t size_ = 0;
};

}  // namespace hallway::hub
