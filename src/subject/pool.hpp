// SPDX-License-Identifier: Apache-2.0
//
// Items of one type, stored side by side and named by their index. An index is half the size of a
// pointer, and all items are destroyed without following links. A pool keeps its memory for reuse.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <type_traits>
#include <vector>

namespace hallway::hub {

using Index = std::uint32_t;
inline constexpr Index no_index = UINT32_MAX;

template <typename T>
class Pool {
 public:
  /// The index of a default-constructed item. Invalidates references to items of this pool: they
  /// may have moved.
  Index acquire() {
    if (!free_.empty()) {
      const Index index = free_.back();
      free_.pop_back();
      return index;
    }
    things_.emplace_back();
    try {
      if (free_.capacity() < things_.size()) free_.reserve(things_.capacity());
    } catch (...) {
      things_.pop_back();
      throw;
    }
    return static_cast<Index>(things_.size() - 1);
  }

  void release(Index index) noexcept {
    static_assert(std::is_nothrow_default_constructible_v<T>);
    std::destroy_at(&things_[index]);  // assigning an empty string would keep its memory
    std::construct_at(&things_[index]);
    free_.push_back(index);  // acquire() reserved the capacity
  }

  [[nodiscard]] T& operator[](Index index) noexcept { return things_[index]; }
  [[nodiscard]] const T& operator[](Index index) const noexcept { return things_[index]; }

  void prefetch(Index index) const noexcept { __builtin_prefetch(&things_[index]); }

  /// The number of items in use.
  [[nodiscard]] std::size_t size() const noexcept { return things_.size() - free_.size(); }

 private:
  std::vector<T> things_;
  std::vector<Index> free_;
};

}  // namespace hallway::hub
