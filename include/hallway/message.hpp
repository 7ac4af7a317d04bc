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

/// A received message: a view into its connection's receive buffer, copied nowhere.
///
/// Valid until the next receive on the same connection, or its end. to_owned() keeps it.
class Message {
 public:
  Message() noexcept = default;
  /// Borrows both. `descriptors` may be null: there are none. At most bounds::largest_message.
  explicit Message(ByteView bytes, std::vector<Descriptor>* descriptors = nullptr,
                   bool more = false) noexcept
      : begin_(bytes.data()),
        descriptors_(descriptors),
        size_(static_cast<std::uint32_t>(bytes.size())),
        more_(more) {}

  [[nodiscard]] ByteView bytes() const noexcept { return {begin_, size_}; }
  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  [[nodiscard]] bool empty() const noexcept { return size_ == 0; }

  /// This is a piece, and others of the same message follow: only from receive_some().
  [[nodiscard]] bool more() const noexcept { return more_; }

  /// So that a message can be sent and compared as it is.
  operator ByteView() const noexcept { return bytes(); }  // NOLINT(google-explicit-constructor)
  friend bool operator==(const Message& message, ByteView bytes) noexcept {
    return message.bytes() == bytes;
  }

  [[nodiscard]] std::string to_owned() const { return std::string(bytes()); }

  /// The descriptors that came with it, close-on-exec. Move out those to keep; the rest is
  /// closed with the next receive, on a thread of the library's: a peer can send descriptors
  /// whose close(2) takes its time.
  [[nodiscard]] std::span<Descriptor> descriptors() const noexcept {
    return descriptors_ == nullptr ? std::span<Descriptor>() : std::span(*descriptors_);
  }

 private:
  // Not a ByteView: its two halves would be written one after the other and then copied as one, by
  // a load of sixteen bytes that has to wait until both stores are in the cache.
  const char* begin_ = nullptr;
  std::vector<Descriptor>* descriptors_ = nullptr;
  std::uint32_t size_ = 0;
  bool more_ = false;
};

/// What a receive gave: a message, or the reason why there is none.
///
/// Converts to true only with a message. Valid as long as the message would be.
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
  [[no_unique_address]] Message message_;  // outcome_ finds room in it
  Outcome outcome_ = Outcome::would_block;
  const detail::Flow* flow_ = nullptr;
};

/// What a send gave: true when the message is queued, or with a blocking Client in the kernel.
/// The peer has not read it yet, and may be about to turn this client away: Connection::confirm()
/// and Client::confirm() wait until it has. Only an answer says that it dealt with the message.
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
