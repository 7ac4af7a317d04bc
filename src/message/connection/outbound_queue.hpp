// SPDX-License-Identifier: Apache-2.0
//
// The messages that were sent and that the kernel has not taken yet.
//
// The queue is an ordered list of segments: ranges of bytes in shared chunks. Small frames are
// copied one after the other into the queue's own last chunk and form one growing segment. A
// broadcast is written once into a chunk of the server and is a segment in every queue; consecutive
// broadcasts also extend that segment. A flush passes as many segments as fit to one sendmsg(2).
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include <hallway/bytes.hpp>
#include <hallway/descriptor.hpp>
#include <hallway/limits.hpp>

#include "core/buffer_pools.hpp"
#include "sys/socket.hpp"

namespace hallway::detail {

class OutboundQueue {
 public:
  /// @param boundaries  keep message boundaries: one segment per message, so that single messages
  ///                    can be dropped or sent as packets. Each then counts for more than its
  ///                    bytes, because even an empty one costs memory
  /// @param buffers     must outlive the queue
  OutboundQueue(bool boundaries, core::BufferPools& buffers) noexcept
      : buffers_(&buffers), boundaries_(boundaries) {}
  OutboundQueue(const OutboundQueue&) = delete;
  OutboundQueue& operator=(const OutboundQueue&) = delete;
  ~OutboundQueue() { buffers_->segments.release(std::move(segments_)); }

  /// The open end of the queue's own chunk. The caller writes between `room` and `room_end`, and
  /// passes its position to every other function.
  struct OpenEnd {
    char* room = nullptr;
    char* room_end = nullptr;
  };

  /// Makes room for `size` bytes at the queue's end. If it throws, `end` is sealed.
  OpenEnd open(std::size_t size, OpenEnd& end);

  /// Ends the open segment at `end.room`.
  void seal(OpenEnd& end) noexcept;

  void append_range(const core::Chunk& chunk, std::size_t begin, std::size_t end);

  using Attached = std::unique_ptr<std::vector<Descriptor>>;
  /// Attaches descriptors to the frame that was written last, which must be a segment of its own.
  void attach(Attached descriptors) noexcept;

  [[nodiscard]] bool empty() const noexcept { return head_ == segments_.size(); }
  [[nodiscard]] std::size_t bytes(const OpenEnd& end) const noexcept {
    const std::size_t open = open_ ? static_cast<std::size_t>(end.room - last().start()) : 0;
    return sealed_bytes_ + open;
  }

  /// Drops the oldest message that is not partly sent. Only for queues with boundaries.
  bool drop_oldest();

  /// Offers the beginning of the queue to the kernel once, and after the queue the bytes of
  /// `behind`, from where they lie. The bytes taken are removed from `behind`. Packets are sent one
  /// at a time. Precondition: queue and `behind` are not both empty; a packet is never in `behind`.
  sys::Expected<std::size_t> send_some(int socket, bool packets, OpenEnd& end, ByteView& behind);

  void clear(OpenEnd& end) noexcept;

  /// The pools of its chunks and lists.
  [[nodiscard]] core::BufferPools& buffers() const noexcept { return *buffers_; }

  /// Switches to the buffers of another thread; the old ones may end.
  void use_buffers(core::BufferPools& buffers) noexcept;

 private:
  using Segment = core::Segment;

  /// What a segment counts for in addition to its bytes.
  [[nodiscard]] std::size_t upkeep() const noexcept { return boundaries_ ? sizeof(Segment) : 0; }

  [[nodiscard]] const Segment& last() const noexcept { return segments_.back(); }
  void add(Segment segment);
  void consume(std::size_t sent);
  void forget_sent();

  core::BufferPools* buffers_;
  core::SegmentListPool::List segments_;  // acquired while there are any
  std::size_t sealed_bytes_ = 0;          // of every segment but the open one
  core::Chunk tail_;                      // where its own frames are copied to
  std::size_t tail_used_ = 0;
  std::uint32_t head_ = 0;  // segments before it are sent
  bool open_ = false;       // the last segment still grows
  bool head_cut_ = false;   // the first segment is partly sent
  const bool boundaries_;
};

}  // namespace hallway::detail
