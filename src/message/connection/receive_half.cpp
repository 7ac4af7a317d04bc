// SPDX-License-Identifier: Apache-2.0
#include <hallway/detail/receive_half.hpp>

#include <algorithm>
#include <cstring>
#include <utility>
#include <vector>

#include <hallway/limits.hpp>

#include "core/buffer_pools.hpp"
#include "core/received_descriptors.hpp"
#include "sys/socket.hpp"

namespace hallway::detail {

namespace {

// An unfinished message of at least this size stays in its large buffer. For a smaller one, copying
// it out and back is cheaper than keeping the buffer from other connections.
constexpr std::size_t min_kept_bytes = 64 * kibibyte;

}  // namespace

/// Descriptors that arrived and that no frame has claimed yet.
struct ReceiveHalf::Arrived {
  std::uint64_t position;  // bytes_ after the receive that brought them
  core::ReceivedDescriptors descriptors;
  bool lost;  // some of them did not arrive, and the others were closed
};

struct ReceiveHalf::Inbox {
  std::size_t limit;  // accepted per message
  std::vector<Arrived> arrived = {};
  core::ReceivedDescriptors claimed = {};  // by the message that was handed out last
};

ReceiveHalf::ReceiveHalf(Framing framing, std::uint32_t max_message, bool packets,
                         std::size_t descriptors, core::BufferPools& buffers)
    : max_message_(max_message),
      framing_(framing),
      plain_(!packets && descriptors == 0),
      packets_(packets),
      buffers_(&buffers) {
  if (descriptors > 0) inbox_ = std::make_unique<Inbox>(descriptors);
}

ReceiveHalf::~ReceiveHalf() { buffers_->received.release(std::move(buffer_)); }

// Filling the buffer -----------------------------------------------------------------------------

void ReceiveHalf::set_unread(const char* begin, std::size_t size) noexcept {
  unread_ = begin;
  filled_ = begin + size;
}

// The pointers are valid after each step, because the next one may throw.
std::span<char> ReceiveHalf::make_room() {
  if (inbox_) inbox_->arrived.reserve(inbox_->arrived.size() + 1);
  const std::size_t partial = unread().size();
  if (partial < min_kept_bytes && !lent_) {
    core::ReceiveBuffer large = buffers_->received.acquire();
    if (partial > 0) std::memcpy(large.data(), unread_, partial);
    buffers_->received.release(std::exchange(buffer_, std::move(large)));
    lent_ = true;
  } else if (partial > 0 && unread_ != buffer_.data()) {
    std::memmove(buffer_.data(), unread_, partial);
  }
  set_unread(buffer_.data(), partial);
  std::size_t wanted = buffer_.size();
  if (partial == wanted) wanted = 2 * partial;
  if (packets_ && wanted <= max_message_) wanted = std::size_t{max_message_} + 1;
  if (wanted != buffer_.size()) {
    buffer_.resize(wanted);
    lent_ = false;  // not of the pool's size: freed instead of returned
    set_unread(buffer_.data(), partial);
  }
  return {buffer_.data() + partial, buffer_.size() - partial};
}

void ReceiveHalf::release_buffer() {
  const std::size_t partial = unread().size();
  if (partial >= min_kept_bytes) return;
  if (partial == 0) {
    buffers_->received.release(std::exchange(buffer_, {}));
    lent_ = false;
    unread_ = filled_ = nullptr;
  } else if (lent_) {
    core::ReceiveBuffer own = buffers_->received.acquire_exact(partial);
    std::memcpy(own.data(), unread_, partial);
    buffers_->received.release(std::exchange(buffer_, std::move(own)));
    lent_ = false;
    set_unread(buffer_.data(), partial);
  }
}

void ReceiveHalf::yield() {
  if (unread().size() <= core::ReceiveBufferPool::small_size) release_buffer();
}

// Descriptors that waited before this receive belong to the one incomplete message, because more is
// received only while a message is incomplete. So at most twice the limit is ever held, however
// slowly a peer sends that message. Whether the new descriptors also belong to it is known only at
// its end.
void ReceiveHalf::keep_descriptors(sys::ReceiveResult& result) noexcept {
  const std::size_t limit = inbox_->limit;
  core::ReceivedDescriptors came(std::exchange(result.descriptors, {}));
  auto& arrived = inbox_->arrived;
  std::size_t waiting = 0;
  bool lost = false;
  for (const Arrived& some : arrived) {
    waiting += some.descriptors.size();
    lost = lost || some.lost;
  }
  if (lost || waiting > limit) {
    arrived.erase(arrived.begin() + 1, arrived.end());
    arrived.front() = {bytes_, {}, true};
  }
  const bool missing = result.descriptors_truncated || came.size() > limit;
  if (came.empty() && !missing) return;
  // Some are missing, or more came than were requested. None of them can be trusted to be the one
  // that the sender meant.
  if (missing) came.clear();
  arrived.push_back({bytes_ + result.size, std::move(came), missing});
}

void ReceiveHalf::drop_descriptors() noexcept {
  if (inbox_) inbox_->arrived.clear();
}

// An empty packet and the end both read as zero bytes, and MSG_EOR is never reported. But a packet
// comes with its sender's credentials, and the end does not.
bool ReceiveHalf::note_packet(sys::ReceiveResult& result) noexcept {
  packet_waits_ = result.size > 0 || result.has_control;
  if (inbox_ && packet_waits_) keep_descriptors(result);
  const bool fits = result.whole <= max_message_;
  packet_waits_ = packet_waits_ && fits;
  return fits;
}

// Taking messages --------------------------------------------------------------------------------

bool ReceiveHalf::parse_delimited(Front& front) const { return parse(front); }

bool ReceiveHalf::clock_is_due() noexcept {
  if (messages_ < look_up_at_) return false;
  postpone_clock();
  return filled_ != unread_;
}

void ReceiveHalf::postpone_clock() noexcept {
  look_up_at_ = messages_ + bounds::messages_between_looks;
}

inline ReceiveHalf::Taken ReceiveHalf::hand_out(ByteView message, std::size_t consumed) {
  unread_ += consumed;
  scanned_ = 0;
  ++messages_;
  if (!inbox_) return {Taken::State::message, Message(message)};
  const bool whole = claim_descriptors(bytes_ - unread().size());
  return {Taken::State::message, Message(message, &inbox_->claimed.list(), !whole)};
}

ReceiveHalf::Taken ReceiveHalf::take() {
  if (inbox_) inbox_->claimed.clear();
  if (packets_) return hand_out_packet();

  const ByteView bytes = unread();
  const Frame frame = framing_.next(bytes, max_message_, scanned_);
  switch (frame.state) {
    case Frame::State::complete: return hand_out(frame.message, frame.consumed);
    case Frame::State::too_large: return {.state = Taken::State::too_large};
    case Frame::State::incomplete: break;
  }
  // A smaller value is also correct. A frame may be slightly larger than its message.
  scanned_ = static_cast<std::uint32_t>(std::min<std::size_t>(bytes.size(), UINT32_MAX));
  if (ended_ != Outcome::end_of_stream || bytes.empty()) return {};
  const Frame rest = framing_.last(bytes, max_message_);
  switch (rest.state) {
    case Frame::State::complete: return hand_out(rest.message, rest.consumed);
    case Frame::State::too_large: return {.state = Taken::State::too_large};
    case Frame::State::incomplete: break;
  }
  return {.state = Taken::State::broken_off, .size = bytes.size()};
}

ReceiveHalf::Taken ReceiveHalf::hand_out_packet() {
  if (!std::exchange(packet_waits_, false)) return {};
  const ByteView packet = unread();
  return hand_out(packet, packet.size());
}

// Descriptors belong to the frame in which the receive that brought them ended. The kernel ends a
// receive after the write that carried descriptors. So a frame that any sender writes at once with
// its descriptors is always matched with them, however the reads fall.
//
// The message itself is already consumed. Descriptors that find no memory are lost, like those for
// which the kernel found no room.
/// @return false if some were lost; then there are none
bool ReceiveHalf::claim_descriptors(std::uint64_t frame_end) noexcept {
  bool whole = true;
  auto& arrived = inbox_->arrived;
  const auto later =
      std::ranges::find_if(arrived, [&](const Arrived& some) { return some.position > frame_end; });
  try {
    for (auto some = arrived.begin(); some != later; ++some) {
      whole = whole && !some->lost;
      inbox_->claimed.append(std::move(some->descriptors));
    }
  } catch (const std::bad_alloc&) {
    whole = false;
  }
  arrived.erase(arrived.begin(), later);
  whole = whole && inbox_->claimed.size() <= inbox_->limit;
  if (!whole) inbox_->claimed.clear();
  return whole;
}

// Ending -----------------------------------------------------------------------------------------

void ReceiveHalf::end(Outcome outcome) noexcept {
  if (ended_ == Outcome::ok || ended_ == Outcome::end_of_stream) ended_ = outcome;
  unread_ = filled_ = buffer_.data();
  scanned_ = 0;
  packet_waits_ = false;
  drop_descriptors();
}

}  // namespace hallway::detail
