// SPDX-License-Identifier: Apache-2.0
// Layer: message
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include <hallway/bytes.hpp>
#include <hallway/descriptor.hpp>
#include <hallway/error.hpp>
#include <hallway/export.hpp>

namespace hallway {

namespace detail {
class Flow;
}  // namespace detail

/// A received message: a view into its connection's receive buffer, without a copy.
///
/// Valid until the next receive on the same connection, or the connection's end. to_owned() copies
/// the bytes.
class Message {
 public:
  Message() noexcept = default;
  /// Borrows both arguments. `bytes` has at most bounds::largest_message bytes. A null
  /// `descriptors` means that there are none.
  explicit Message(ByteView bytes, std::vector<Descriptor>* descriptors = nullptr,
                   bool more = false) noexcept
      : begin_(bytes.data()),
        descriptors_(descriptors),
        size_(static_cast<std::uint32_t>(bytes.size())),
        more_(more) {}

  [[nodiscard]] ByteView bytes() const noexcept { return {begin_, size_}; }
  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  [[nodiscard]] bool empty() const noexcept { return size_ == 0; }

  /// Whether this is a piece and others of the same message follow. Only from receive_some().
  [[nodiscard]] bool more() const noexcept { return more_; }

  /// Implicit, so that a message can be sent and compared directly.
  operator ByteView() const noexcept { return bytes(); }  // NOLINT(google-explicit-constructor)
  friend bool operator==(const Message& message, ByteView bytes) noexcept {
    return message.bytes() == bytes;
  }

  [[nodiscard]] std::string to_owned() const { return std::string(bytes()); }

  /// The descriptors that came with the message, close-on-exec. Move out those to keep. The next
  /// receive closes the rest on a thread of the library, because a peer can send descriptors whose
  /// close(2) takes long.
  [[nodiscard]] std::span<Descriptor> descriptors() const noexcept {
    return descriptors_ == nullptr ? std::span<Descriptor>() : std::span(*descriptors_);
  }

 private:
  // Not a ByteView: its two halves would be stored one after the other and then copied together, by
  // a load of sixteen bytes that has to wait until both stores are in the cache.
  const char* begin_ = nullptr;
  std::vector<Descriptor>* descriptors_ = nullptr;
  std::uint32_t size_ = 0;
  bool more_ = false;
};

/// The result of a receive: a message, or the reason why there is none.
///
/// Converts to true only with a whole message (Outcome::ok). Valid as long as its message.
class HALLWAY_EXPORT Received {
 public:
  Received() noexcept = default;
  Received(Outcome outcome, Message message, const detail::Flow* flow) noexcept
      : message_(message), outcome_(outcome), flow_(flow) {}

  explicit operator bool() const noexcept { return outcome_ == Outcome::ok; }
  [[nodiscard]] Outcome outcome() const noexcept { return outcome_; }

  const Message& operator*() const noexcept { return message_; }
  const Message* operator->() const noexcept { return &message_; }

  /// The outcome in words: "receive unix:/run/app.sock: the peer closed the connection".
  /// Precondition: the connection still exists.
  [[nodiscard]] Error error() const;

 private:
  [[no_unique_address]] Message message_;  // outcome_ uses its tail padding
  Outcome outcome_ = Outcome::would_block;
  const detail::Flow* flow_ = nullptr;
};

/// The result of a send: true when the message is queued, or with a blocking Client in the kernel.
/// The peer has not read it yet, and may be about to turn this client away: Connection::confirm()
/// and Client::confirm() wait until the peer has read it. Only an answer shows that the peer has
/// processed the message.
class HALLWAY_EXPORT Sent {
 public:
  Sent(Outcome outcome, const detail::Flow* flow) noexcept : flow_(flow), outcome_(outcome) {}

  explicit operator bool() const noexcept { return outcome_ == Outcome::ok; }
  [[nodiscard]] Outcome outcome() const noexcept { return outcome_; }
  [[nodiscard]] Error error() const;  ///< as Received::error()

 private:
  const detail::Flow* flow_;
  Outcome outcome_;
};

}  // namespace hallway
