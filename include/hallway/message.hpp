// SPDX-License-Identifier: Apache-2.0
// Layer: message
#pragma once

#include <cstdint>
#include <iosfwd>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <hallway/bytes.hpp>
#include <hallway/descriptor.hpp>
#include <hallway/detail/reason.hpp>
#include <hallway/error.hpp>
#include <hallway/export.hpp>

namespace hallway {

/// A received message: a view into its connection's receive buffer, without a copy.
///
/// Valid until the next receive on the same connection, or the connection's end; take_buffered()
/// is not a receive in this sense. To keep the bytes, copy them: `std::string kept = *message;`.
///
/// Printing it, with << or fmt (fmt.hpp), is for people: it escapes the bytes as printable() does.
/// bytes() is for data.
class Message {
 public:
  Message() noexcept = default;
  /// Borrows the first two arguments. `bytes` has at most bounds::max_message bytes. A null
  /// `descriptors` means that there are none.
  explicit Message(ByteView bytes, std::vector<Descriptor>* descriptors = nullptr,
                   bool descriptors_lost = false) noexcept
      : begin_(bytes.data()),
        descriptors_(descriptors),
        size_(static_cast<std::uint32_t>(bytes.size())),
        descriptors_lost_(descriptors_lost) {}

  [[nodiscard]] ByteView bytes() const noexcept { return {begin_, size_}; }
  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  [[nodiscard]] bool empty() const noexcept { return size_ == 0; }

  /// Both are implicit, so that a message can be sent, compared and kept directly.
  operator ByteView() const noexcept { return bytes(); }  // NOLINT(google-explicit-constructor)
  operator std::string() const { return to_owned(); }     // NOLINT(google-explicit-constructor)
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

  /// Whether descriptors that came with the message are missing: more came than
  /// options.descriptors, or the kernel dropped some because this process has too many open.
  /// descriptors() is then empty, because none of them can be trusted to be the one that the sender
  /// meant. The bytes are whole.
  [[nodiscard]] bool descriptors_lost() const noexcept { return descriptors_lost_; }

 private:
  // Not a ByteView: its two halves would be stored one after the other and then copied together, by
  // a load of sixteen bytes that has to wait until both stores are in the cache.
  const char* begin_ = nullptr;
  std::vector<Descriptor>* descriptors_ = nullptr;
  std::uint32_t size_ = 0;
  bool descriptors_lost_ = false;
};

/// Writes the bytes as printable() escapes them.
HALLWAY_EXPORT std::ostream& operator<<(std::ostream& to, const Message& message);

class Sent;

/// The result of a receive: a message, or the reason why there is none.
///
/// Converts to true only with a whole message (Outcome::ok). Movable, not copyable. The message is
/// valid as described there; outcome() and error() also after the connection is gone.
class HALLWAY_EXPORT Received {
 public:
  Received() noexcept : Received(Outcome::would_block) {}
  explicit Received(const Message& message) noexcept : message_(message) {}
  /// Without a message. error() explains `outcome` in general.
  explicit Received(Outcome outcome) noexcept : reason_(outcome) {}
  explicit Received(detail::Reason reason) noexcept : reason_(std::move(reason)) {}
  /// No answer, because the question was not sent.
  explicit Received(Sent&& unsent) noexcept;

  explicit operator bool() const noexcept { return reason_.is_ok(); }
  [[nodiscard]] Outcome outcome() const noexcept { return reason_.outcome(); }

  const Message& operator*() const noexcept { return message_; }
  const Message* operator->() const noexcept { return &message_; }

  /// The outcome in words, for example
  /// "receive from unix:/run/app.sock: the server closed the connection".
  /// Would_block, and every outcome when memory has run out, is explained without the address.
  [[nodiscard]] Error error() const;

 private:
  Message message_;
  detail::Reason reason_;
};

/// The result of a send: true when the message is queued, or with a blocking Client in the kernel.
/// The peer has not read it yet, and may be about to turn this client away: Connection::confirm()
/// and Client::confirm() wait until the peer has read it. Only an answer shows that the peer has
/// processed the message. Movable, not copyable.
///
/// It may be ignored: `co_await peer.send(*message);`. An end of the connection is found by the
/// next receive. But if one message cannot be sent (Outcome::failed) and the connection lives on,
/// no other call reports it. So when such a result is destroyed and the program has asked for
/// neither its truth, outcome() nor error(), the library prints the error on stderr: one line, at
/// most one a second in a process.
class HALLWAY_EXPORT Sent {
 public:
  Sent() noexcept = default;  ///< ok
  /// error() explains `outcome` in general.
  explicit Sent(Outcome outcome) noexcept
      : reason_(outcome == Outcome::ok ? detail::Reason() : detail::Reason(outcome)) {}
  explicit Sent(detail::Reason reason) noexcept : reason_(std::move(reason)) {}

  explicit operator bool() const noexcept {
    if (reason_.is_ok()) [[likely]]
      return true;
    reason_.note_read();
    return false;
  }
  [[nodiscard]] Outcome outcome() const noexcept { return reason_.outcome(); }
  [[nodiscard]] Error error() const;  ///< as Received::error()

 private:
  friend class Received;
  detail::Reason reason_;
};

// NOLINTNEXTLINE(cppcoreguidelines-rvalue-reference-param-not-moved): what it consists of is moved
inline Received::Received(Sent&& unsent) noexcept : reason_(std::move(unsent.reason_)) {
  reason_.note_read();
}

}  // namespace hallway
