// SPDX-License-Identifier: Apache-2.0
// Layer: message
//
// A connection: a connected stream or seqpacket socket that carries messages on a loop.
//
// send() appends a frame to the outbound queue, and the loop writes every queue once at the end of
// its turn. Destroying a connection loses nothing: the loop still writes what was sent before, then
// closes the socket.
//
// Unless noted otherwise: arguments are borrowed for the call (for an awaited call, until it is
// resumed), no function blocks, and everything belongs to the loop's thread. The loop must outlive
// its connections. One task at a time may receive from a connection; any number may send.
#pragma once

#include <coroutine>
#include <cstdint>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include <hallway/address.hpp>
#include <hallway/descriptor.hpp>
#include <hallway/detail/flow.hpp>
#include <hallway/detail/waiter.hpp>
#include <hallway/error.hpp>
#include <hallway/export.hpp>
#include <hallway/framing.hpp>
#include <hallway/limits.hpp>
#include <hallway/loop.hpp>
#include <hallway/message.hpp>
#include <hallway/peer.hpp>
#include <hallway/socket.hpp>
#include <hallway/task.hpp>

namespace hallway {

namespace detail {

class ConnectionState;

/// A receive that waits.
struct Wait {
  Waiter waiter;
  bool for_piece = false;  // a piece of a message is enough
  bool over = false;       // the outcome is known; the connection may be gone
};

/// A send that could not complete at once.
struct Unsent {
  enum class Kind : std::uint8_t { plain, with_descriptors, flush };

  Waiter waiter;
  ByteView message;
  std::unique_ptr<std::vector<Descriptor>> descriptors;
  Kind kind = Kind::plain;
  bool waiting = false;  // the connection has it in a list
};

}  // namespace detail

/// Framing, limits and policies of a connection.
struct ConnectionOptions {
  Framing framing = Framing::lines();  ///< streams only
  std::size_t descriptors = 0;         ///< accepted per message; 0 refuses all
  Limits limits = {};
  Full full = Full::disconnect;  ///< what a broadcast does when the queue is full
};

/// Options of connect().
struct ConnectOptions {
  Duration deadline = defaults::connect_time;  ///< of the connect alone
  SocketType type = SocketType::stream;        ///< stream or seqpacket
  Framing framing = Framing::lines();
  std::size_t descriptors = 0;
  Limits limits = {};
  /// Refuse a server whose uid, when it called listen(), differs; before any byte is sent.
  std::optional<std::uint32_t> server_uid = {};
};

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
  /// Connects. If the server's backlog is full, tries again until the deadline, because the kernel
  /// has no event for it.
  /// @errors no_such_file_or_directory, connection_refused: no server listens there;
  ///         permission_denied; timed_out; wrong_protocol_type: the server's socket has another
  ///         type; operation_not_permitted: the server's uid is not options.server_uid
  static Task<Result<Connection>> connect(Loop& loop, AddressSpec address,
                                          ConnectOptions options = {});

  /// Adopts a connected socket: an inherited one, half of a socket_pair(), ...
  /// @errors not_a_socket, not_connected, wrong_protocol_type: a datagram socket
  static Result<Connection> adopt(Loop& loop, Descriptor socket, ConnectionOptions options = {});

  /// Two connections in this process, connected to each other.
  static Result<std::pair<Connection, Connection>> pair(Loop& loop,
                                                        SocketType type = SocketType::stream,
                                                        const ConnectionOptions& options = {});

  Connection(Connection&& other) noexcept : flow_(std::exchange(other.flow_, nullptr)) {}
  Connection& operator=(Connection&& other) noexcept;
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  ~Connection();  ///< as close()

  // Receiving ----------------------------------------------------------------------------------

  class Receive;
  /// The next message. If one is buffered, suspends only when the task has used up its share of
  /// the turn (bounds::turn_share).
  /// @param within  the outcome is timed_out if no whole message has arrived by then
  /// Outcomes: ok, timed_out, truncated (the message carried more than options.descriptors, or the
  /// kernel dropped some; its bytes are complete), end_of_stream, peer_gone, closed, failed (a
  /// message is over max_message, or incomplete after message_time: the connection is then closed).
  [[nodiscard]] Receive receive(Duration within = forever);

  class ReceiveSome;
  /// A piece of a message as soon as it has arrived, for messages too large to buffer or to wait
  /// for whole. Message::more() reports whether more pieces of the same message follow. A piece has
  /// at least one byte, except that the last may be empty; descriptors come with the last.
  /// @param within  for this piece
  /// Outcomes: as receive(). max_message limits the whole message, message_time each piece.
  /// Precondition: after a piece, the rest of that message is also received this way.
  [[nodiscard]] ReceiveSome receive_some(Duration within = forever);

  /// As receive(), but returns would_block instead of suspending.
  [[nodiscard]] Received try_receive();

  // Sending ------------------------------------------------------------------------------------

  class Send;
  /// Queues one message; suspends while the queue is over its soft limit (back-pressure). A message
  /// of bounds::chunk bytes or more is not copied where that can be avoided: it also waits while
  /// the kernel accepts nothing, and later messages wait behind it.
  /// Outcomes: ok, peer_gone, closed, failed (the message is over max_message: nothing is sent; or
  /// the peer did not read for outbound_soft_time: the connection is then closed).
  [[nodiscard]] Send send(const ByteView& message);

  /// As send(), with descriptors, which are adopted, and closed once the kernel has them. They
  /// arrive with this message and no other; on a stream its frame needs at least one byte. At most
  /// bounds::descriptors_per_message.
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
  /// the receive alone.
  [[nodiscard]] Task<Received> request(ByteView message, Duration within = defaults::request_time);

  class Broadcast;
  /// Sends to every other connection of the same server, if this connection belongs to one. All
  /// queues share the one copy made here. Suspends only for full connections with Full::wait, and
  /// for loops that are behind (see Server).
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
  explicit Connection(detail::ConnectionState* state) noexcept;
  [[nodiscard]] detail::ConnectionState& state() const noexcept;

  detail::Flow* flow_;
};

// The awaitables below live in coroutine frames, where initializing a member, and mostly copying
// one, writes to memory. If the message is buffered, or fits the queue, these writes are most of
// the cost. So the state that only a waiting task needs is created when the task waits.

/// The awaitable that receive() returns; await it at once.
class [[nodiscard]] HALLWAY_EXPORT Connection::Receive {
 public:
  Receive(detail::Flow& flow, Duration within) noexcept : flow_(&flow), within_(within) {}
  ~Receive() {
    if (wait_) [[unlikely]]
      forget();
  }
  Receive(const Receive&) = delete;
  Receive& operator=(const Receive&) = delete;

  bool await_ready() { return flow_->find(front_) || flow_->next_slowly(received_); }
  bool await_suspend(std::coroutine_handle<> awaiting);
  Received await_resume() const {
    if (received_) [[unlikely]]
      return *received_;
    return flow_->take_front(front_);
  }

 protected:
  friend class detail::ConnectionState;
  void forget() const noexcept;

  detail::Flow* flow_;
  detail::Flow::Front front_;         // the message, if find() found it
  std::optional<Received> received_;  // the result otherwise
  Duration within_;
  std::optional<detail::Wait> wait_;
};

/// The awaitable that receive_some() returns; await it at once.
class [[nodiscard]] HALLWAY_EXPORT Connection::ReceiveSome : public Connection::Receive {
 public:
  using Receive::Receive;
  bool await_ready() { return flow_->next_some(received_); }
  bool await_suspend(std::coroutine_handle<> awaiting);
};

/// The awaitable that send() and flush() return; await it at once. A message that fits the queue is
/// already in it.
class [[nodiscard]] HALLWAY_EXPORT Connection::Send {
 public:
  Send(detail::Flow& flow, const ByteView& message) : flow_(&flow), outcome_(flow.append(message)) {
    if (outcome_ == Outcome::would_block) [[unlikely]]
      rest_.emplace().message = message;
  }
  Send(detail::Flow& flow, ByteView message, std::vector<Descriptor> descriptors);
  struct FlushOnly {};
  Send(detail::Flow& flow, FlushOnly only);
  ~Send() {
    if (rest_) [[unlikely]]
      forget();
  }
  Send(const Send&) = delete;
  Send& operator=(const Send&) = delete;

  bool await_ready() const noexcept { return !rest_; }
  bool await_suspend(std::coroutine_handle<> awaiting);
  Sent await_resume() const noexcept { return {outcome_, flow_}; }

 private:
  friend class detail::ConnectionState;
  void forget() const noexcept;

  detail::Flow* flow_;
  Outcome outcome_ = Outcome::ok;
  std::optional<detail::Unsent> rest_;
};

/// The awaitable that broadcast() returns; await it at once.
class [[nodiscard]] HALLWAY_EXPORT Connection::Broadcast {
 public:
  Broadcast(const Connection& from, ByteView message) noexcept : from_(&from), message_(message) {}

  ~Broadcast() = default;
  Broadcast(const Broadcast&) = delete;
  Broadcast& operator=(const Broadcast&) = delete;

  bool await_ready();
  bool await_suspend(std::coroutine_handle<> awaiting);
  void await_resume();

 private:
  const Connection* from_;
  ByteView message_;
  std::optional<Task<>> walk_;  // unless it was added to the current batch
};

inline Connection::Receive Connection::receive(Duration within) { return {*flow_, within}; }
inline Connection::ReceiveSome Connection::receive_some(Duration within) {
  return {*flow_, within};
}
inline Connection::Send Connection::send(const ByteView& message) { return {*flow_, message}; }
inline Connection::Broadcast Connection::broadcast(ByteView message) { return {*this, message}; }

}  // namespace hallway
