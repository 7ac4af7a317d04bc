// SPDX-License-Identifier: Apache-2.0
// Layer: message
//
// The part of a connection that its inline paths touch: where the next message is parsed from,
// and where the next frame is written to. Everything rarer is in src/message/.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include <hallway/bytes.hpp>
#include <hallway/error.hpp>
#include <hallway/export.hpp>
#include <hallway/framing.hpp>
#include <hallway/message.hpp>

namespace hallway::detail {

class HALLWAY_EXPORT Flow {
 public:
  /// Takes the next whole message out of the receive buffer.
  /// @return false: none is buffered, and more may still arrive
  bool next(Received& received) {
    if (plain_ && messages_received_ != look_up_at_) [[likely]] {
      const Frame frame = receive_framing_.next(
          ByteView(unread_, static_cast<std::size_t>(filled_ - unread_)), max_message_, scanned_);
      if (frame.state == Frame::State::complete) [[likely]] {
        unread_ += frame.consumed;
        scanned_ = 0;
        ++messages_received_;
        received = Received(Outcome::ok, Message(frame.message), this);
        return true;
      }
    }
    return next_slowly(received);
  }

  /// Takes what is there of the next message, or of the one that was begun. As next().
  bool next_some(Received& received);

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
  Flow(Framing framing, std::size_t max_message) noexcept
      : max_message_(max_message), receive_framing_(framing), send_framing_(framing) {}
  ~Flow() = default;
  Flow(const Flow&) = delete;
  Flow& operator=(const Flow&) = delete;

  // Both are Transport's; a Flow is nothing else than a Transport seen from the public headers.
  bool next_slowly(Received& received);
  Outcome append_slowly(ByteView message);

  const char* unread_ = nullptr;  // first byte not handed out yet
  const char* filled_ = nullptr;  // end of what arrived
  std::size_t scanned_ = 0;       // bytes from unread_ on that hold no delimiter

  char* room_ = nullptr;      // where the next frame goes; the queue's last chunk
  char* room_end_ = nullptr;  // null while there is no such chunk

  std::size_t max_message_;
  std::uint64_t messages_received_ = 0;
  std::uint64_t messages_sent_ = 0;
  Framing receive_framing_;
  Framing send_framing_;
  std::uint64_t look_up_at_ = 0;  // messages received when the clock is to be looked at again
  bool plain_ = true;             // a stream without descriptors to be attributed
};

}  // namespace hallway::detail
