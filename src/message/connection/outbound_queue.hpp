// SPDX-License-Identifier: Apache-2.0
//
// What was sent and the kernel has not taken yet.
//
// The queue is a list of segments: ranges of bytes in shared chunks, in order. Small frames are
// copied one after the other into the queue's own last chunk and make one growing segment; a
// broadcast is written once into a chunk of the server and is a segment in every queue, and
// broadcasts that follow each other grow that segment, too. A flush hands as many segments as
// fit to one sendmsg(2).
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
  /// Keep message boundaries: one segment a message, so that single ones can be dropped or sent
  /// as packets. Each then counts for more than its bytes: an empty one is not free.
  /// @param buffers  outlive the queue
  OutboundQueue(bool boundaries, core::BufferPools& buffers) noexcept
      : buffers_(&buffers), boundaries_(boundaries) {}
  OutboundQueue(const OutboundQueue&) = delete;
  OutboundQueue& operator=(const OutboundQueue&) = delete;
  ~OutboundQueue() { buffers_->segments.release(std::move(segments_)); }

  /// The open end of the queue's own chunk. The caller writes between `room` and `room_end` and
  /// tells every other function how far it came.
  struct OpenEnd {
    char* room = nullptr;
    char* room_end = nullptr;
  };

  /// Makes room for `size` bytes at the queue's end. Where it throws, `end` is sealed.
  OpenEnd open(std::size_t size, OpenEnd& end);

  /// Ends the open segment where `end.room` stands.
  void seal(OpenEnd& end) noexcept;

  void append_range(const core::Chunk& chunk, std::size_t begin, std::size_t end);

  using Attached = std::unique_ptr<std::vector<Descriptor>>;
  /// The frame that was written last goes out with these. It has to be a segment of its own.
  void attach(Attached descriptors) noexcept;

  [[nodiscard]] bool empty() const noexcept { return head_ == segments_.size(); }
  [[nodiscard]] std::size_t bytes(const OpenEnd& end) const noexcept {
    const std::size_t open = open_ ? static_cast<std::size_t>(end.room - last().start()) : 0;
    return sealed_bytes_ + open;
  }

  /// Drops the oldest message that is not partly sent. Boundaries only.
  bool drop_oldest();

  /// Offers the queue's beginning to the kernel once, and after its end what comes `behind` it,
  /// from where that lies; what was taken of that is cut off. Packets go one at a time.
  /// Precondition: one of the two is not empty; a packet is never `behind`.
  sys::Expected<std::size_t> send_some(int socket, bool packets, OpenEnd& end, ByteView& behind);

  void clear(OpenEnd& end) noexcept;

  /// Where its chunks and lists come from and go to.
  [[nodiscard]] core::BufferPools& buffers() const noexcept { return *buffers_; }

  /// From now on those of another thread; the old ones may end.
  void use_buffers(core::BufferPools& buffers) noexcept;

 private:
  using Segment = core::Segment;

  /// What a segment counts for besides its bytes.
  [[nodiscard]] std::size_t upkeep() const noexcept { return boundaries_ ? sizeof(Segment) : 0; }

  [[nodiscard]] const Segment& last() const noexcept { return segments_.back(); }
  void add(Segment segment);
  void consume(std::size_t sent);
  void forget_sent();

  core::BufferPools* buffers_;
  core::SegmentListPool::List segments_;  // lent while there are any
  std::size_t sealed_bytes_ = 0;          // of every segment but the open one
  core::Chunk tail_;                      // where own frames are copied to
  std::size_t tail_used_ = 0;
  std::uint32_t head_ = 0;  // segments before it are sent
  bool open_ = false;       // the last segment still grows
  bool head_cut_ = false;   // the first segment is partly sent
  const bool boundaries_;
};

}  // namespace hallway::detail
