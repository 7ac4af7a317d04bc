// SPDX-License-Identifier: Apache-2.0
// Layer: message
//
// The part of a connection that its inline paths touch: where the next message is parsed from,
// and where the next frame is written to. Everything rarer is in src/message/.
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
  /// A whole message at the beginning of what is unread: bytes before, of, and behind it.
  struct Front {
    std::uint32_t size = 0;
    std::uint8_t head = 0;
    std::uint8_t tail = 0;
  };

  /// Finds the next whole message where that is simple; else next() is to be asked.
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

  /// Takes what find() has just found.
  Received take_front(const Front& front) {
    const ByteView message(unread_ + front.head, front.size);
    unread_ = message.data() + message.size() + front.tail;
    scanned_ = 0;
    ++messages_received_;
    return {Outcome::ok, Message(message), this};
  }

  /// Takes the next whole message out of the receive buffer.
  /// @return false: none is buffered, and more may still arrive
  bool next(std::optional<Received>& received) {
    Front front;
    if (!find(front)) return next_slowly(received);
    received = take_front(front);
    return true;
  }

  /// next() where it is not simple: descriptors, packets, ends, and turns that are over.
  bool next_slowly(std::optional<Received>& received);

  /// Takes what is there of the next message, or of the one that was begun. As next().
  bool next_some(std::optional<Received>& received);

  /// Appends one frame to the outbound queue if there is room in its last chunk.
  /// @return ok, or would_block: the queue is over its soft limit, or the reason of an end
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

  /// `outcome` in words, with what was attempted and on whom.
  [[nodiscard]] Error explain(const char* operation, Outcome outcome) const;

 protected:
  Flow(Framing framing, std::uint32_t max_message) noexcept
      : max_message_(max_message), receive_framing_(framing), send_framing_(framing) {}
  ~Flow() = default;
  Flow(const Flow&) = delete;
  Flow& operator=(const Flow&) = delete;

  // ConnectionCore's, as next_slowly() is; a Flow is nothing else than a ConnectionCore seen from
  // the public headers.
  Outcome append_slowly(ByteView message);

  const char* unread_ = nullptr;  // first byte not handed out yet
  const char* filled_ = nullptr;  // end of what arrived
  std::uint32_t scanned_ = 0;     // bytes from unread_ on that hold no delimiter
  std::uint32_t max_message_;

  char* room_ = nullptr;      // where the next frame goes; the queue's last chunk
  char* room_end_ = nullptr;  // null while there is no such chunk

  std::uint64_t messages_received_ = 0;
  std::uint64_t messages_sent_ = 0;
  Framing receive_framing_;
  Framing send_framing_;
  std::uint64_t look_up_at_ = 0;  // messages received when the clock is to be looked at again
  bool plain_ = true;             // a stream without descriptors to be attributed
};

}  // namespace hallway::detail
