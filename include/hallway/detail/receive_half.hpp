// SPDX-License-Identifier: Apache-2.0
// Layer: message
//
// The receiving half of a connection: what has arrived, and where the next message is parsed from.
// The inline functions are the path of a message that is already buffered. The others are in
// src/message/connection/receive_half.cpp.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include <hallway/bytes.hpp>
#include <hallway/detail/receive_buffer.hpp>
#include <hallway/error.hpp>
#include <hallway/export.hpp>
#include <hallway/framing.hpp>
#include <hallway/message.hpp>

namespace hallway::core {
struct BufferPools;
}  // namespace hallway::core

namespace hallway::sys {
struct ReceiveResult;
}  // namespace hallway::sys

namespace hallway::detail {

class ReceiveHalf {
 public:
  /// @param packets      each receive brings one message, without framing
  /// @param descriptors  accepted per message
  /// @param buffers      must outlive this object
  ReceiveHalf(Framing framing, std::uint32_t max_message, bool packets, std::size_t descriptors,
              core::BufferPools& buffers);
  ReceiveHalf(const ReceiveHalf&) = delete;
  ReceiveHalf& operator=(const ReceiveHalf&) = delete;
  ~ReceiveHalf();

  // Taking messages ----------------------------------------------------------------------------

  /// A whole message at the start of the unread bytes: its size, and the number of framing bytes
  /// before it (head) and behind it (tail). find() initializes it.
  struct Front {
    std::uint32_t size;
    std::uint8_t head;
    std::uint8_t tail;
  };

  /// Finds the next whole message on the fast path.
  /// @return false if take() has to look for it
  [[nodiscard]] bool find(Front& front) const {
    if (!plain_ || messages_ == look_up_at_) [[unlikely]]
      return false;
    // The search for a delimiter is apart: it calls memchr(), and a function that calls another
    // saves registers for every framing.
    const Framing::Kind kind = framing_.kind();
    const bool delimited = kind == Framing::Kind::lines || kind == Framing::Kind::null;
    return delimited ? parse_delimited(front) : parse(front);
  }

  /// Makes the next find() give false.
  void look_up() noexcept { look_up_at_ = messages_; }

  /// Takes the message that find() has just found.
  Message take_front(const Front& front) {
    const ByteView message(unread_ + front.head, front.size);
    unread_ = message.data() + message.size() + front.tail;
    scanned_ = 0;
    ++messages_;
    return Message(message);
  }

  /// Takes the messages that find() finds, without invalidating any.
  template <typename Take>
  std::size_t take_buffered(std::size_t max, Take take) {
    std::size_t taken = 0;
    for (Front front; taken < max && find(front); ++taken) take(take_front(front));
    return taken;
  }
  std::size_t take_buffered(std::span<Message> room) {
    auto to = room.begin();
    return take_buffered(room.size(), [&to](const Message& message) { *to++ = message; });
  }

  /// What take() found.
  struct Taken {
    enum class State : std::uint8_t {
      nothing,  ///< more bytes are needed, or the direction has ended
      message,
      too_large,   ///< it is over max_message
      broken_off,  ///< the peer closed in the middle of it, after `size` bytes
    };
    State state = State::nothing;
    Message message = {};
    std::size_t size = 0;
  };

  /// Takes the next whole message in all cases: descriptors, packets, the end of the stream.
  Taken take();

  /// Whether it is time to see if the task has used up its share of the turn: after a number of
  /// messages, if there are more.
  bool clock_is_due() noexcept;
  void postpone_clock() noexcept;

  // Filling the buffer -------------------------------------------------------------------------

  /// Room for what is received next. Call it only after no message was found.
  std::span<char> make_room();
  /// Bytes of a stream were received into that room.
  void add(std::size_t size) noexcept {
    filled_ += size;
    bytes_ += size;
  }
  /// Keeps the descriptors that were received with the bytes that are added next.
  void keep_descriptors(sys::ReceiveResult& result) noexcept;
  /// Closes the descriptors that no message has claimed.
  void drop_descriptors() noexcept;
  /// Notes what a receive of a packet brought. Its bytes are added afterwards.
  /// @return false if the packet is over max_message
  bool note_packet(sys::ReceiveResult& result) noexcept;

  /// Returns the large receive buffer to its pool until there is something to read. Call it only
  /// after no message was found.
  void release_buffer();
  /// Does the same if little is buffered. Used when others on the loop also read: one large buffer,
  /// which stays in the cache, then serves them all.
  void yield();

  // State --------------------------------------------------------------------------------------

  /// The direction ends once; ok until then. What has arrived is discarded, except before an end
  /// that the peer made.
  void end(Outcome outcome) noexcept;
  void note_end_of_peer(Outcome outcome) noexcept { ended_ = outcome; }
  [[nodiscard]] Outcome ended() const noexcept { return ended_; }

  /// From the next message on.
  void set_framing(Framing framing) noexcept {
    framing_ = framing;
    scanned_ = 0;
  }
  /// Switches to the buffers of another loop, which must outlive this object.
  void use_buffers(core::BufferPools& buffers) noexcept { buffers_ = &buffers; }

  /// Whether part of an incomplete message is buffered.
  [[nodiscard]] bool has_partial() const noexcept { return filled_ != unread_; }
  [[nodiscard]] bool has_packet() const noexcept { return packet_waits_; }
  /// Whether descriptors of a message are accepted.
  [[nodiscard]] bool takes_descriptors() const noexcept { return inbox_ != nullptr; }
  /// The received bytes of messages that were not returned yet. Valid until the next call.
  [[nodiscard]] ByteView unread() const noexcept {
    return {unread_, static_cast<std::size_t>(filled_ - unread_)};
  }
  /// Bytes of the receive buffer that hold received data. Messages that were handed out stay there
  /// until the next one is requested.
  [[nodiscard]] std::size_t buffered_bytes() const noexcept {
    return buffer_ ? static_cast<std::size_t>(filled_ - buffer_.data()) : 0;
  }
  [[nodiscard]] std::uint32_t max_message() const noexcept { return max_message_; }
  [[nodiscard]] std::uint64_t messages() const noexcept { return messages_; }
  [[nodiscard]] std::uint64_t bytes() const noexcept { return bytes_; }

 private:
  struct Arrived;
  struct Inbox;

  [[nodiscard]] bool parse(Front& front) const {
    const Frame frame = framing_.next(
        ByteView(unread_, static_cast<std::size_t>(filled_ - unread_)), max_message_, scanned_);
    if (frame.state != Frame::State::complete) [[unlikely]]
      return false;
    front.size = static_cast<std::uint32_t>(frame.message.size());
    front.head = static_cast<std::uint8_t>(frame.message.data() - unread_);
    front.tail = static_cast<std::uint8_t>(frame.consumed - front.head - frame.message.size());
    return true;
  }
  [[nodiscard]] HALLWAY_EXPORT bool parse_delimited(Front& front) const;
  Taken hand_out(ByteView message, std::size_t consumed);
  Taken hand_out_packet();
  bool claim_descriptors(std::uint64_t frame_end) noexcept;
  void set_unread(const char* begin, std::size_t size) noexcept;

  const char* unread_ = nullptr;  // first byte not returned yet
  const char* filled_ = nullptr;  // end of the received bytes
  std::uint32_t scanned_ = 0;     // bytes from unread_ on that hold no delimiter
  std::uint32_t max_message_;
  std::uint64_t messages_ = 0;
  Framing framing_;
  std::uint64_t look_up_at_ = 0;  // value of messages_ at which the clock is due
  const bool plain_;              // a stream without descriptors
  bool lent_ = false;             // buffer_ belongs to the pool
  bool packet_waits_ = false;     // one packet lies between unread_ and filled_
  const bool packets_;
  Outcome ended_ = Outcome::ok;
  core::ReceiveBuffer buffer_;
  std::unique_ptr<Inbox> inbox_;  // only where descriptors are accepted
  std::uint64_t bytes_ = 0;
  core::BufferPools* buffers_;
};

}  // namespace hallway::detail
