// SPDX-License-Identifier: Apache-2.0
#include "message/connection/outbound_queue.hpp"

#include <algorithm>
#include <array>
#include <cassert>
#include <utility>

namespace hallway::detail {

namespace {

// Pieces per sendmsg(2). Far below IOV_MAX: they hold tens of kilobytes each under load.
constexpr std::size_t most_pieces = 64;

}  // namespace

void OutboundQueue::add(Segment segment) {
  if (segments_.capacity() == 0) segments_ = buffers_->segments.acquire();
  segments_.push_back(std::move(segment));
}

OutboundQueue::OpenEnd OutboundQueue::open(std::size_t size, OpenEnd& end) {
  if (open_ && static_cast<std::size_t>(end.room_end - end.room) >= size) return end;
  seal(end);
  if (!tail_ || tail_.size() - tail_used_ < size) {
    const std::size_t usual = empty() ? core::ChunkPool::small : core::ChunkPool::large;
    tail_ = core::Chunk::make(std::max(size, usual), &buffers_->sent);
    tail_used_ = 0;
  }
  add({tail_, tail_used_, tail_used_});
  open_ = true;
  return {tail_.data() + tail_used_, tail_.data() + tail_.size()};
}

void OutboundQueue::seal(OpenEnd& end) noexcept {
  if (!open_) return;
  Segment& segment = segments_.back();
  segment.end = static_cast<std::size_t>(end.room - segment.chunk.data());
  tail_used_ = segment.end;
  sealed_bytes_ += segment.size() + upkeep();
  open_ = false;
  end = {};
}

void OutboundQueue::append_range(const core::Chunk& chunk, std::size_t begin, std::size_t end) {
  assert(!open_);
  const bool continues = !boundaries_ && !empty() && last().chunk == chunk && last().end == begin &&
                         !last().descriptors;
  if (continues) {
    segments_.back().end = end;
  } else {
    add({chunk, begin, end});
  }
  sealed_bytes_ += end - begin + upkeep();
}

void OutboundQueue::attach(Attached descriptors) noexcept {
  assert(!open_ && !empty());
  segments_.back().descriptors = std::move(descriptors);
}

bool OutboundQueue::drop_oldest() {
  assert(boundaries_ && !open_);
  const std::size_t oldest = head_ + (head_cut_ ? 1U : 0U);
  if (oldest >= segments_.size()) return false;
  sealed_bytes_ -= segments_[oldest].size() + upkeep();
  // A partly sent segment moves into the slot of the dropped one, so no other segment has to move.
  if (head_cut_) {
    segments_[oldest] = std::move(segments_[head_]);
  } else {
    segments_[oldest] = {};
  }
  ++head_;
  forget_sent();
  return true;
}

sys::Expected<std::size_t> OutboundQueue::send_some(int socket, bool packets, OpenEnd& end,
                                                    ByteView& behind) {
  if (open_) segments_.back().end = static_cast<std::size_t>(end.room - tail_.data());

  // A frame with descriptors is sent alone in its sendmsg(2): the kernel delivers them with the
  // first byte of that write, and lets no later byte into the same receive. So they always arrive
  // in the receive that ends inside their own frame (see ConnectionCore).
  std::array<iovec, most_pieces> pieces;  // not initialized: a kilobyte each time
  std::size_t count = 0;
  const bool alone = packets || (!empty() && segments_[head_].descriptors);
  std::size_t queued = 0;
  while (count < (alone ? 1 : most_pieces) && head_ + count < segments_.size()) {
    const Segment& segment = segments_[head_ + count];
    if (count > 0 && segment.descriptors) break;
    pieces[count++] = {segment.start(), segment.size()};
    queued += segment.size();
  }
  const bool whole = !alone && count < most_pieces && head_ + count == segments_.size();
  if (whole && !behind.empty()) pieces[count++] = {const_cast<char*>(behind.data()), behind.size()};

  std::span<const Descriptor> descriptors;
  if (alone && segments_[head_].descriptors) descriptors = *segments_[head_].descriptors;
  const auto sent = count == 1 && descriptors.empty()
                        ? sys::send_bytes(socket, pieces[0])
                        : sys::send(socket, std::span(pieces).first(count), descriptors);
  if (!sent) return sent;
  behind.remove_prefix(*sent - std::min(*sent, queued));
  if (empty()) return sent;

  // The open segment is not part of sealed_bytes_. It is counted while consume() runs, and the rest
  // of it is subtracted again.
  if (open_) sealed_bytes_ += last().size();
  consume(std::min(*sent, queued));
  if (empty()) {
    clear(end);
  } else if (open_) {
    sealed_bytes_ -= last().size();
  }
  return sent;
}

void OutboundQueue::consume(std::size_t sent) {
  sealed_bytes_ -= sent;
  do {
    Segment& segment = segments_[head_];
    // The descriptors went out with the first byte; sending the rest of a frame must not repeat
    // them.
    segment.descriptors.reset();
    const std::size_t taken = std::min(sent, segment.size());
    segment.begin += taken;
    sent -= taken;
    head_cut_ = segment.size() > 0;
    if (head_cut_) break;
    segment.chunk = {};
    sealed_bytes_ -= upkeep();
    ++head_;
  } while (sent > 0);
  forget_sent();
}

// Erases sent segments only once they are at least half of the list, so that each is moved about
// once.
void OutboundQueue::forget_sent() {
  constexpr std::size_t worth_moving = 64;
  if (head_ >= worth_moving && segments_.size() <= std::size_t{2} * head_) {
    segments_.erase(segments_.begin(), segments_.begin() + static_cast<std::ptrdiff_t>(head_));
    head_ = 0;
  }
}

void OutboundQueue::use_buffers(core::BufferPools& buffers) noexcept {
  buffers_ = &buffers;
  for (Segment& segment : segments_) segment.chunk.detach_from_pool();
  tail_.detach_from_pool();
}

void OutboundQueue::clear(OpenEnd& end) noexcept {
  buffers_->segments.release(std::exchange(segments_, {}));
  head_ = 0;
  sealed_bytes_ = 0;
  tail_ = {};
  tail_used_ = 0;
  open_ = false;
  head_cut_ = false;
  end = {};
}

}  // namespace hallway::detail
