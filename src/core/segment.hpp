// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
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

/// Segments in the order in which they are sent, and the chunk that new bytes are copied to.
struct SegmentQueue {
  std::vector<Segment> segments;
  Chunk tail;
  std::uint32_t head = 0;  // segments before it are sent
  bool head_cut = false;   // the first segment is partly sent

  [[nodiscard]] bool empty() const noexcept { return head == segments.size(); }
  void clear() noexcept {
    segments.clear();
    tail = {};
    head = 0;
    head_cut = false;
  }
};

/// Hands out empty queues, and retains released ones: a connection with nothing to send owns no
/// queue, and one whose queue fills and empties with every turn does not allocate.
/// Thread: one.
class SegmentQueuePool {
 public:
  using Queue = std::unique_ptr<SegmentQueue>;

  /// The first push_back() to its segments does not throw. If memory runs out, this keeps what it
  /// could allocate for the next attempt.
  Queue acquire() {
    if (count_ == 0) kept_[count_++] = std::make_unique<SegmentQueue>();
    kept_[count_ - 1]->segments.reserve(1);
    return std::move(kept_[--count_]);
  }

  /// Accepts any queue, and frees one that grew long.
  void release(Queue queue) noexcept {
    queue->clear();
    const bool grew_long = queue->segments.capacity() > max_kept_segments;
    if (!grew_long && count_ < kept_.size()) kept_[count_++] = std::move(queue);
  }

 private:
  static constexpr std::size_t max_kept_segments = 32;

  // Not more: each may be the last allocation in its page, which then cannot return to the kernel.
  std::array<Queue, 128> kept_;
  std::size_t count_ = 0;
};

}  // namespace hallway::core
