// SPDX-License-Identifier: Apache-2.0
// Layer: message
//
// A connection for programs without a loop: every call blocks until it is done or its timeout
// expires. It shares framing, size limits and outcomes with Connection. The timeout of each call
// replaces the times in Connection's Limits.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include <hallway/address.hpp>
#include <hallway/connection.hpp>
#include <hallway/descriptor.hpp>
#include <hallway/error.hpp>
#include <hallway/export.hpp>
#include <hallway/interrupt.hpp>
#include <hallway/limits.hpp>
#include <hallway/message.hpp>
#include <hallway/peer.hpp>

namespace hallway {

/// Movable, not copyable. Thread: distinct objects.
///
///     auto client = Client::connect("/run/app.sock", {.timeout = 1s});
///     if (!client) return report(client.error());
///     auto reply = client->request("status", 1s);
///     if (!reply) return report(reply.error());
class HALLWAY_EXPORT Client {
 public:
  /// As Connection::connect(). Blocking: until connected, at most options.retry_for and
  /// then options.timeout.
  /// @param interrupt  ends this call and those of the client: see Interrupt; null: nothing does
  /// @errors as Connection::connect(); interrupted
  /// Ownership: borrows `interrupt` until the client is destroyed
  static Result<Client> connect(const AddressSpec& address, ConnectOptions options = {},
                                Interrupt* interrupt = nullptr);

  /// Adopts a connected socket. Ownership: as connect().
  static Result<Client> adopt(Descriptor socket, ConnectionOptions options = {},
                              Interrupt* interrupt = nullptr);

  Client(Client&&) noexcept;
  Client& operator=(Client&&) noexcept;
  ~Client();

  /// Blocking: until the kernel has the whole message, or `within`. If the time ends in the middle
  /// of a message, its rest stays queued until the next send(), request() or confirm().
  Sent send(ByteView message, Duration within = forever);
  Sent send(ByteView message, std::vector<Descriptor> descriptors, Duration within = forever);
  Sent send(ByteView message, Descriptor descriptor, Duration within = forever);

  /// As Connection::confirm(). Blocking: until the peer has read everything, or `within`.
  Sent confirm(Duration within = defaults::request_time);

  /// The next message; outcomes as Connection::receive(). Blocking: until the message is whole, or
  /// `within`.
  [[nodiscard]] Received receive(Duration within = forever);

  /// As Connection::take_buffered(). Never blocks.
  [[nodiscard]] std::size_t take_buffered(std::span<Message> room);

  /// Sends, then receives once; `within` covers both. Blocking: until the answer is whole, or
  /// `within`.
  [[nodiscard]] Received request(ByteView message, Duration within = defaults::request_time);

  /// Shuts down the sending side, so that the peer reads an end of stream; receiving goes on.
  void half_close();
  void close();

  [[nodiscard]] const Peer& peer() const noexcept;
  [[nodiscard]] Result<std::vector<std::uint32_t>> peer_groups() const;
  [[nodiscard]] Result<Descriptor> peer_pidfd() const;
  [[nodiscard]] Result<PidStatus> peer_identity() const;
  [[nodiscard]] const Address& address() const noexcept;
  [[nodiscard]] SocketType type() const noexcept;
  [[nodiscard]] Counters counters() const noexcept;
  [[nodiscard]] int descriptor() const noexcept;  ///< borrowed
  void set_framing(Framing receive, Framing send) noexcept;

  /// How long receive() busy-polls before it blocks: see LoopOptions::spin.
  void set_spin(std::optional<Duration> spin) noexcept;

 private:
  class State;
  explicit Client(std::unique_ptr<State> state) noexcept;

  std::unique_ptr<State> state_;
};

}  // namespace hallway
