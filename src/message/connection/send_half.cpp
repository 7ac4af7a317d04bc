// SPDX-License-Identifier: Apache-2.0
#include <hallway/detail/send_half.hpp>

#include <algorithm>
#include <array>
#include <cassert>
#include <span>
#include <utility>

#include "core/buffer_pools.hpp"
#include "core/copy_bytes.hpp"
#include "message/connection/shared_bytes.hpp"
#include "sys/socket.hpp"

namespace hallway::detail {

namespace {

// Pieces per sendmsg(2). Far below IOV_MAX: they hold tens of kilobytes each under load.
constexpr std::size_t max_pieces = 64;

}  // namespace

SendHalf::SendHalf(Framing framing, std::uint32_t max_message, Segments segments,
                   core::BufferPools& buffers) noexcept
    : max_message_(max_message), framing_(framing), kept_apart_(segments), buffers_(&buffers) {}

SendHalf::~SendHalf() { clear(); }

void SendHalf::use_buffers(core::BufferPools& buffers) noexcept {
  buffers_ = &buffers;
  if (!queue_) return;
  for (core::Segment& segment : queue_->segments) segment.chunk.detach_from_pool();
  queue_->tail.detach_from_pool();
}

/// What a segment counts for in addition to its bytes.
std::size_t SendHalf::upkeep() const noexcept {
  return kept_apart_ == Segments::joined ? 0 : sizeof(core::Segment);
}

// Queueing ---------------------------------------------------------------------------------------

core::SegmentQueue& SendHalf::queue() {
  if (!queue_) queue_ = buffers_->queues.acquire();
  return *queue_;
}

/// Opens a segment with room for `size` bytes. If it throws, the queue is sealed.
void SendHalf::open(std::size_t size) {
  core::Chunk chunk;
  if (queue_ && queue_->tail) {
    char* const tail_end = queue_->tail.data() + queue_->tail.size();
    if (static_cast<std::size_t>(tail_end - room_) >= size) {
      room_end_ = tail_end;
      if (open_) return;
      chunk = queue_->tail;
    }
  }
  seal();
  char* begin = room_;
  if (!chunk) {
    const std::size_t usual = empty() ? core::ChunkPool::small : core::ChunkPool::large;
    chunk = core::Chunk::make(std::max(size, usual), &buffers_->sent);
    begin = chunk.data();
  }
  const auto offset = static_cast<std::size_t>(begin - chunk.data());
  queue().segments.push_back({chunk, offset, offset});
  queue_->tail = std::move(chunk);
  room_ = open_begin_ = begin;
  room_end_ = queue_->tail.data() + queue_->tail.size();
  open_ = true;
}

void SendHalf::seal() noexcept {
  room_end_ = room_;
  if (!open_) return;
  core::Segment& segment = queue_->segments.back();
  segment.end = static_cast<std::size_t>(room_ - segment.chunk.data());
  sealed_bytes_ += segment.size() + upkeep();
  open_begin_ = room_;
  open_ = false;
}

void SendHalf::limit_room(std::size_t most) noexcept {
  const std::size_t queued = queued_bytes();
  const std::size_t left = most > queued ? most - queued : 0;
  if (left < static_cast<std::size_t>(room_end_ - room_)) room_end_ = room_ + left;
}

void SendHalf::enqueue(ByteView message) {
  const bool packet = kept_apart_ == Segments::packets;
  const std::size_t size = packet ? message.size() : message.size() + framing_.overhead();
  if (size > 0 || packet) {  // an empty raw message has no bytes
    open(size);
    room_ = packet ? core::copy_bytes(message, room_) : framing_.write(message, room_);
    if (kept_apart_ != Segments::joined) seal();
  }
  ++messages_;
}

void SendHalf::enqueue(ByteView message, std::vector<Descriptor>& descriptors) {
  auto attached = std::make_unique<std::vector<Descriptor>>();
  seal();
  enqueue(message);
  seal();
  *attached = std::move(descriptors);
  queue_->segments.back().descriptors = std::move(attached);
}

void SendHalf::enqueue_shared(const SharedBytes& frames) {
  seal();
  auto& segments = queue().segments;
  const bool continues = kept_apart_ == Segments::joined && !segments.empty() &&
                         segments.back().chunk == frames.chunk &&
                         segments.back().end == frames.begin && !segments.back().descriptors;
  if (continues) {
    segments.back().end = frames.end;
  } else {
    segments.push_back({frames.chunk, frames.begin, frames.end});
  }
  sealed_bytes_ += frames.size() + upkeep();
  messages_ += frames.messages;
}

std::size_t SendHalf::enqueue_head(std::size_t message_size) {
  const std::size_t overhead = framing_.overhead();
  if (overhead > 0) open(overhead);
  char* const head = std::exchange(room_, framing_.write_head(message_size, room_));
  ++messages_;
  return overhead - static_cast<std::size_t>(room_ - head);
}

void SendHalf::enqueue_rest(ByteView rest) {
  open(rest.size() + framing_.overhead());
  room_ = framing_.write_tail(core::copy_bytes(rest, room_));
}

bool SendHalf::drop_oldest() noexcept {
  assert(kept_apart_ != Segments::joined && !open_);
  if (!queue_) return false;
  auto& [segments, tail, head, head_cut] = *queue_;
  const std::size_t oldest = head + (head_cut ? 1U : 0U);
  if (oldest >= segments.size()) return false;
  sealed_bytes_ -= segments[oldest].size() + upkeep();
  // A partly sent segment moves into the slot of the dropped one, so no other segment has to move.
  if (head_cut) {
    segments[oldest] = std::move(segments[head]);
  } else {
    segments[oldest] = {};
  }
  ++head;
  forget_sent();
  return true;
}

void SendHalf::clear() noexcept {
  if (queue_) buffers_->queues.release(std::move(queue_));
  room_ = room_end_ = open_begin_ = nullptr;
  sealed_bytes_ = 0;
  open_ = false;
}

// Sending ----------------------------------------------------------------------------------------

std::expected<std::size_t, int> SendHalf::send_some(int socket, ByteView& behind) noexcept {
  // A frame with descriptors is sent alone in its sendmsg(2): the kernel delivers them with the
  // first byte of that write, and lets no later byte into the same receive. So they always arrive
  // in the receive that ends inside their own frame (see ReceiveHalf).
  std::array<iovec, max_pieces> pieces;  // not initialized: a kilobyte each time
  std::size_t count = 0;
  std::size_t queued = 0;
  std::span<const Descriptor> descriptors;
  bool whole = true;
  if (queue_) {
    auto& [segments, tail, head, head_cut] = *queue_;
    if (open_) segments.back().end = static_cast<std::size_t>(room_ - tail.data());
    const bool alone = kept_apart_ == Segments::packets || segments[head].descriptors;
    while (count < (alone ? 1 : max_pieces) && head + count < segments.size()) {
      const core::Segment& segment = segments[head + count];
      if (count > 0 && segment.descriptors) break;
      pieces[count++] = {segment.start(), segment.size()};
      queued += segment.size();
    }
    whole = !alone && count < max_pieces && head + count == segments.size();
    if (alone && segments[head].descriptors) descriptors = *segments[head].descriptors;
  }
  if (whole && !behind.empty()) pieces[count++] = {const_cast<char*>(behind.data()), behind.size()};

  const auto sent = count == 1 && descriptors.empty()
                        ? sys::send_bytes(socket, pieces[0])
                        : sys::send(socket, std::span(pieces).first(count), descriptors);
  if (!sent) return sent;
  const std::size_t taken = std::min(*sent, queued);
  behind.remove_prefix(*sent - taken);
  if (queue_) consume(taken);
  return sent;
}

void SendHalf::consume(std::size_t sent) noexcept {
  // Meanwhile the open segment counts as a sealed one.
  sealed_bytes_ = queued_bytes() - sent;
  auto& [segments, tail, head, head_cut] = *queue_;
  do {
    core::Segment& segment = segments[head];
    // The descriptors went out with the first byte; sending the rest of a frame must not repeat
    // them.
    segment.descriptors.reset();
    const std::size_t taken = std::min(sent, segment.size());
    segment.begin += taken;
    sent -= taken;
    head_cut = segment.size() > 0;
    if (head_cut) break;
    segment.chunk = {};
    sealed_bytes_ -= upkeep();
    ++head;
  } while (sent > 0);
  if (queue_->empty()) return clear();
  if (open_) {
    open_begin_ = segments.back().start();
    sealed_bytes_ -= segments.back().size();
  }
  forget_sent();
}

// Erases sent segments only once they are at least half of the list, so that each is moved about
// once.
void SendHalf::forget_sent() noexcept {
  constexpr std::size_t min_erased = 64;
  auto& [segments, tail, head, head_cut] = *queue_;
  if (segments.size() == head) return clear();
  if (head >= min_erased && segments.size() <= std::size_t{2} * head) {
    segments.erase(segments.begin(), segments.begin() + static_cast<std::ptrdiff_t>(head));
    head = 0;
  }
}

}  // namespace hallway::detail
