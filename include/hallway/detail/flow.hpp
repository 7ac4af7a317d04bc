// SPDX-License-Identifier: Apache-2.0
// Layer: message
//
// The part of a connection that its inline paths use: where the next message is parsed from, and
// where the next frame is written to. The rarer paths are in src/message/.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include <hallway/bytes.hpp>
#include <hallway/error.hpp>
#include <hallway/export.hpp>
#include <hallway/framing.hpp>
#include <hallway/message.hpp>

namespace hallway::detail {

class HALLWAY_EXPORT Flow {
 public:
  /// A whole message at the start of the unread bytes: its size, and the number of framing bytes
  /// before it (head) and behind it (tail).
  struct Front {
    std::uint32_t size = 0;
    std::uint8_t head = 0;
    std::uint8_t tail = 0;
  };

  /// Finds the next whole message on the fast path.
  /// @return false if next_slowly() has to look for it
  [[nodiscard]] bool find(Front& front) const {
    if (!plain_ || messages_received_ == look_up_at_) [[unlikely]]
      return false;
    const Frame frame = receive_framing_.next(
        ByteView(unread_, static_cast<std::size_t>(filled_ - unread_)), max_message_, scanned_);
    if (frame.state != Frame::State::complete) [[unlikely]]
      return false;
    front.size = static_cast<std::uint32_t>(frame.message.size());
    front.head = static_cast<std::uint8_t>(frame.message.data() - unread_);
    front.tail = static_cast<std::uint8_t>(frame.consumed - front.head - frame.message.size());
    return true;
  }

  /// Takes the message that find() has just found.
  Received take_front(const Front& front) {
    const ByteView message(unread_ + front.head, front.size);
    unread_ = message.data() + message.size() + front.tail;
    scanned_ = 0;
    ++messages_received_;
    return {Outcome::ok, Message(message), this};
  }

  /// Takes the next whole message out of the receive buffer.
  /// @return false if the task has to wait: more may still arrive, or its share of the turn is used
  bool next(std::optional<Received>& received) {
    Front front;
    if (!find(front)) return next_slowly(received);
    received = take_front(front);
    return true;
  }

  /// next() in the other cases: descriptors, packets, the end, and a used-up share of the turn.
  bool next_slowly(std::optional<Received>& received);

  /// Takes a piece of the next message, or of the one already begun. Returns as next().
  bool next_some(std::optional<Received>& received);

  /// Appends one frame to the outbound queue, inline if its last chunk has room.
  /// @return ok; would_block: try again later (back-pressure); or why it cannot be sent
  Outcome append(ByteView message) {
    const std::size_t size = message.size() + send_framing_.overhead();
    if (message.size() <= max_message_ && size <= static_cast<std::size_t>(room_end_ - room_))
        [[likely]] {
      room_ = send_framing_.write(message, room_);
      ++messages_sent_;
      return Outcome::ok;
    }
    return append_slowly(message);
  }

  /// `outcome` in words, with the operation and its address or peer.
  [[nodiscard]] Error explain(const char* operation, Outcome outcome) const;

 protected:
  Flow(Framing framing, std::uint32_t max_message) noexcept
      : max_message_(max_message), receive_framing_(framing), send_framing_(framing) {}
  ~Flow() = default;
  Flow(const Flow&) = delete;
  Flow& operator=(const Flow&) = delete;

  // ConnectionCore implements this and next_slowly(): every Flow is a ConnectionCore, as the public
  // headers see it.
  Outcome append_slowly(ByteView message);

  const char* unread_ = nullptr;  // first byte not returned yet
  const char* filled_ = nullptr;  // end of the received bytes
  std::uint32_t scanned_ = 0;     // bytes from unread_ on that hold no delimiter
  std::uint32_t max_message_;

  char* room_ = nullptr;      // where the next frame is written, in the queue's last chunk
  char* room_end_ = nullptr;  // both are null if no chunk is open

  std::uint64_t messages_received_ = 0;
  std::uint64_t messages_sent_ = 0;
  Framing receive_framing_;
  Framing send_framing_;
  std::uint64_t look_up_at_ = 0;  // value of messages_received_ at which to read the clock again
  bool plain_ = true;             // a stream without descriptors, and not between two pieces
};

}  // namespace hallway::detail
