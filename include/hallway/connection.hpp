// SPDX-License-Identifier: Apache-2.0
// Layer: message
//
// A connection: a connected stream or seqpacket socket that carries messages on a loop.
//
// send() appends a frame to the outbound queue, and the loop writes every queue once at the end of
// its turn. Destroying a connection loses nothing that the peer reads in time: the loop still
// writes what was sent before, for Limits::outbound_soft_time at most, then closes the socket.
//
// Unless noted otherwise: arguments are borrowed for the call (for an awaited call, until it is
// resumed), no function blocks, and everything belongs to the loop's thread. The loop must outlive
// its connections. One task at a time may receive from a connection; any number may send.
#pragma once

#include <hallway/detail/require_cpp23.hpp>

#include <array>
#include <concepts>
#include <coroutine>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <source_location>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

#include <hallway/address.hpp>
#include <hallway/descriptor.hpp>
#include <hallway/detail/connection_halves.hpp>
#include <hallway/detail/inner_wait.hpp>
#include <hallway/detail/wait_point.hpp>
#include <hallway/detail/waiter.hpp>
#include <hallway/error.hpp>
#include <hallway/export.hpp>
#include <hallway/framing.hpp>
#include <hallway/limits.hpp>
#include <hallway/loop.hpp>
#include <hallway/message.hpp>
#include <hallway/overflow_policy.hpp>
#include <hallway/peer.hpp>
#include <hallway/socket.hpp>
#include <hallway/task.hpp>

namespace hallway {

/// What a broadcast can do with a connection whose outbound queue is full. Under `wait`, the sender
/// of the broadcast waits. `disconnect` applies when the queue would exceed Limits::outbound_hard,
/// or has been over outbound_soft for outbound_soft_time.
inline constexpr std::array broadcast_policies{OverflowPolicy::wait, OverflowPolicy::drop_oldest,
                                               OverflowPolicy::drop_newest,
                                               OverflowPolicy::disconnect};

/// Framing, limits and policies of a connection.
struct ConnectionOptions {
  Framing framing = Framing::lines();  ///< streams only
  std::size_t descriptors = 0;  ///< accepted per message; 0 makes the kernel refuse them if it can
  Limits limits = {};
  OverflowPolicy overflow = OverflowPolicy::disconnect;  ///< of broadcasts; one of
                                                         ///< broadcast_policies
};

/// Options of connect().
struct ConnectOptions {
  Duration timeout = defaults::connect_time;  ///< of each attempt to connect
  /// How long to try again while no server listens (no_such_file_or_directory, connection_refused),
  /// with pauses that grow from 10 ms to 200 ms: programs can then start in any order. Zero, the
  /// default, fails at once.
  Duration retry_for = Duration::zero();
  SocketType type = SocketType::stream;  ///< stream or seqpacket
  ConnectionOptions connection = {};
  /// Refuse a server whose uid, when it called listen(), differs; before any byte is sent.
  std::optional<std::uint32_t> server_uid = {};
  /// Refuse a server that neither root nor this process's user runs, in the same way: for an
  /// address that every user can take. Has no effect if server_uid is set.
  bool trusted_server = false;
};

// GCC 12 destroys the members of an aggregate twice if a call in a co_await expression makes it:
// co_await Connection::connect(loop, path, {.timeout = 1s}). Without destructors that is harmless.
static_assert(std::is_trivially_destructible_v<ConnectionOptions>);
static_assert(std::is_trivially_destructible_v<ConnectOptions>);

/// What a connection has transferred so far.
struct Counters {
  std::uint64_t messages_received = 0;
  std::uint64_t messages_sent = 0;   ///< accepted by send(), not necessarily sent yet
  std::uint64_t bytes_received = 0;  ///< framing included
  std::uint64_t bytes_sent = 0;      ///< accepted by the kernel, framing included
  std::uint64_t dropped = 0;         ///< broadcasts: the queue was full, or too large for a packet
};

class HALLWAY_EXPORT Connection {
 public:
  /// Connects. While no server listens, tries again until options.retry_for has passed. If the
  /// server's backlog is full, tries again until options.timeout has passed, because the kernel has
  /// no event for it. It ends with operation_canceled when the loop begins to drain.
  /// @errors no_such_file_or_directory, connection_refused: no server listens there;
  ///         permission_denied; timed_out; wrong_protocol_type: the server's socket has another
  ///         type; operation_not_permitted: the server's uid is not options.server_uid, or
  ///         the server is not a trusted one (options.trusted_server);
  ///         invalid_argument: an unsupported overflow policy; operation_canceled: the loop drains
  static Task<Result<Connection>> connect(Loop& loop, AddressSpec address,
                                          ConnectOptions options = {});

  /// Adopts a connected socket: an inherited one, half of a socket_pair(), ...
  /// @errors not_a_socket, not_connected, wrong_protocol_type: a datagram socket;
  ///         invalid_argument: an unsupported overflow policy
  static Result<Connection> adopt(Loop& loop, Descriptor socket, ConnectionOptions options = {});

  /// Two connections in this process, connected to each other.
  static Result<std::pair<Connection, Connection>> pair(Loop& loop,
                                                        SocketType type = SocketType::stream,
                                                        const ConnectionOptions& options = {});

  Connection(Connection&& other) noexcept : halves_(std::exchange(other.halves_, nullptr)) {}
  Connection& operator=(Connection&& other) noexcept;
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  ~Connection();  ///< as close()

  // Receiving ----------------------------------------------------------------------------------

  class Receive;  ///< await it at once: gives a Received
  /// The next message. If one is buffered, suspends only when the task has used up its share of
  /// the turn (bounds::turn_share).
  /// @param within  the outcome is timed_out if no whole message has arrived by then
  /// Outcomes: ok, timed_out, end_of_stream, peer_gone, closed, failed (a message is over
  /// max_message, or incomplete after message_time: the connection is then closed). A message is ok
  /// even if its descriptors did not arrive: see Message::descriptors_lost(). When the loop drains,
  /// a receive that would have to wait ends with closed; in a server, what the peer has sent comes
  /// first.
  [[nodiscard]] Receive receive(Duration within = forever);

  /// As receive(), but returns would_block instead of suspending.
  [[nodiscard]] Received try_receive();

  /// Takes whole messages that arrived together with the one that the last receive gave. Neither
  /// reads from the socket nor waits. All of them, and that one, are valid until the next receive.
  /// @return how many it took, from the beginning of `room`. Fewer than `room` has, and possibly
  ///         none, if no other message is whole or the loop's other tasks may be waiting: receive()
  ///         then continues. Always none of packets, and where options.descriptors is not zero,
  ///         because each of those messages invalidates the one before
  [[nodiscard]] std::size_t take_buffered(std::span<Message> room) {
    return halves_->receive.take_buffered(room);
  }
  /// The same, for a program that keeps more or less than a Message: calls `take` with each of
  /// them, at most `max` times.
  /// @return how many; fewer than `max` as above
  template <std::invocable<const Message&> Take>
  std::size_t take_buffered(std::size_t max, Take take) {
    return halves_->receive.take_buffered(max, std::move(take));
  }

  // Sending ------------------------------------------------------------------------------------

  class Send;  ///< await it at once: gives a Sent
  /// Queues one message; suspends while the queue is over its soft limit (back-pressure). A message
  /// of bounds::chunk bytes or more is not copied where that can be avoided: it also waits while
  /// the kernel accepts nothing, and later messages wait behind it.
  /// Outcomes: ok, peer_gone, closed, failed (the message is over max_message: nothing is sent; or
  /// the peer did not read for outbound_soft_time: the connection is then closed).
  [[nodiscard]] Send send(const ByteView& message);

  /// As send(), with descriptors, which are adopted, and closed once the kernel has them. They
  /// arrive with this message and no other; on a stream its frame needs at least one byte. At most
  /// bounds::max_descriptors_per_message.
  [[nodiscard]] Send send(ByteView message, std::vector<Descriptor> descriptors);
  [[nodiscard]] Send send(ByteView message, Descriptor descriptor);

  /// As send(), but returns would_block instead of suspending.
  Sent try_send(ByteView message);

  /// Completes when the kernel has accepted everything queued so far.
  [[nodiscard]] Send flush();

  /// Completes when the peer's process has read everything sent so far; a server that turned this
  /// client away never does. The kernel has no event for this, so confirm() polls SIOCOUTQ, first
  /// after 20 us, then at growing intervals of up to 5 ms. Precondition: until then, the connection
  /// is not moved. Outcomes: ok; peer_gone: the peer closed its end before it had read everything
  /// (Linux reports that as ECONNRESET, net/unix/af_unix.c); timed_out; closed, failed: as send().
  [[nodiscard]] Task<Sent> confirm(Duration within = defaults::request_time);

  /// Sends, then receives once. For peers that answer one message with one message. `within` limits
  /// the receive alone, and draining does not end it.
  [[nodiscard]] Task<Received> request(ByteView message, Duration within = defaults::request_time);

  class Broadcast;  ///< await it at once: gives nothing
  /// Sends to every other connection of the same server, if this connection belongs to one,
  /// whatever their max_message. All queues share the one copy made here. Suspends only for full
  /// connections with OverflowPolicy::wait, and for loops that are behind (see Server).
  [[nodiscard]] Broadcast broadcast(ByteView message);

  // Ending -------------------------------------------------------------------------------------

  /// Writes what is queued, then shuts down the sending side, so that the peer reads an end of
  /// stream; receiving goes on.
  void half_close();

  /// Writes what is queued, then closes. Before that, it reads and drops bytes that the program did
  /// not receive: closing with unread bytes would reset the connection, and the peer could lose our
  /// answer (man 7 unix). Waiting receives and sends end with Outcome::closed.
  void close();

  /// Closes now and drops unsent messages.
  void abort();

  /// Gives up the socket, which the caller then owns, for use by another program or library. Like a
  /// new socket, it is blocking, lets descriptors pass (SO_PASSRIGHTS) and adds no credentials to
  /// packets. Precondition: nothing was received or sent yet.
  [[nodiscard]] Descriptor release() &&;

  // Inspecting ---------------------------------------------------------------------------------

  [[nodiscard]] const Peer& peer() const noexcept;
  [[nodiscard]] Result<std::vector<std::uint32_t>> peer_groups() const;
  [[nodiscard]] Result<Descriptor> peer_pidfd() const;
  [[nodiscard]] Result<PidStatus> peer_identity() const;
  [[nodiscard]] const Address& address() const noexcept;  ///< of the server's end
  [[nodiscard]] SocketType type() const noexcept;
  [[nodiscard]] std::uint64_t number() const noexcept;  ///< 1, 2, ... in its server; 0: no server
  [[nodiscard]] Counters counters() const noexcept;
  [[nodiscard]] std::size_t unsent_bytes() const noexcept;
  [[nodiscard]] int descriptor() const noexcept;  ///< borrowed
  [[nodiscard]] Loop& loop() const noexcept;

  /// Sets the framing of both directions from the next message on, for protocols that switch.
  void set_framing(Framing receive, Framing send) noexcept;

 private:
  friend class detail::ConnectionState;
  friend struct detail::EndsItsTasks<Connection>;
  explicit Connection(detail::ConnectionState* state) noexcept;
  [[nodiscard]] detail::ConnectionState& state() const noexcept;
  void end() noexcept;

  detail::ConnectionHalves* halves_;
};

}  // namespace hallway

#include <hallway/detail/connection_awaitables.hpp>
