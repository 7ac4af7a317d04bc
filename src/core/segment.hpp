// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <memory>
#include <utility>
#include <vector>

#include <hallway/descriptor.hpp>

#include "core/chunk.hpp"

namespace hallway::core {

/// A range of bytes in a shared chunk, on its way out, and the descriptors that go with it.
struct Segment {
  Chunk chunk;
  std::size_t begin = 0;
  std::size_t end = 0;
  std::unique_ptr<std::vector<Descriptor>> descriptors = nullptr;

  [[nodiscard]] char* start() const noexcept { return chunk.data() + begin; }
  [[nodiscard]] std::size_t size() const noexcept { return end - begin; }
};

/// Lends the lists that queues are made of, empty, and keeps those that came back: a queue with
/// nothing in it owns none, and one that fills and empties with every turn allocates nothing.
/// Thread: one.
class SegmentListPool {
 public:
  using List = std::vector<Segment>;

  List acquire() { return count_ == 0 ? List() : std::exchange(kept_[--count_], List()); }

  /// Takes back any list; one that grew long is freed.
  void release(List list) noexcept {
    list.clear();
    const bool worth_keeping = list.capacity() > 0 && list.capacity() <= longest;
    if (worth_keeping && count_ < kept_.size()) kept_[count_++] = std::move(list);
  }

 private:
  static constexpr std::size_t longest = 32;

  // Few: each may be all that still lies in a page, which then does not go back to the kernel.
  std::array<List, 32> kept_;
  std::size_t count_ = 0;
};

}  // namespace hallway::core
