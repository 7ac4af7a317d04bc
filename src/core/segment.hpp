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

/// A range of bytes in a shared chunk that waits to be sent, and the descriptors that go with it.
struct Segment {
  Chunk chunk;
  std::size_t begin = 0;
  std::size_t end = 0;
  std::unique_ptr<std::vector<Descriptor>> descriptors = nullptr;

  [[nodiscard]] char* start() const noexcept { return chunk.data() + begin; }
  [[nodiscard]] std::size_t size() const noexcept { return end - begin; }
};

/// Hands out empty lists for queues, and retains released ones: an empty queue owns no list, and a
/// queue that fills and empties with every turn does not allocate.
/// Thread: one.
class SegmentListPool {
 public:
  using List = std::vector<Segment>;

  List acquire() { return count_ == 0 ? List() : std::exchange(kept_[--count_], List()); }

  /// Accepts any list, and frees one that grew long.
  void release(List list) noexcept {
    list.clear();
    const bool worth_keeping = list.capacity() > 0 && list.capacity() <= longest;
    if (worth_keeping && count_ < kept_.size()) kept_[count_++] = std::move(list);
  }

 private:
  static constexpr std::size_t longest = 32;

  // Only a few are retained: each may be the last allocation in its page, which then cannot return
  // to the kernel.
  std::array<List, 32> kept_;
  std::size_t count_ = 0;
};

}  // namespace hallway::core
