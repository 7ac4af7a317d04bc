// SPDX-License-Identifier: Apache-2.0
// Layer: message
//
// A connection: a connected stream or seqpacket socket that carries messages on a loop.
//
// Sending is appending: send() puts a frame on the outbound queue, and the loop writes every
// queue once at the end of its turn. Nothing is lost by letting go of a connection: what was
// sent before is still written, then the socket is closed.
//
// Unless said otherwise: arguments are borrowed for the call (for an awaited call, until it is
// resumed), nothing blocks, and everything belongs to the loop's thread. The loop outlives its
// connections. One task receives from a connection at a time; any number may send.
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
  bool over = false;       // it has its outcome; the connection may be gone
};

/// A send that is not done when it is made.
struct Unsent {
  enum class Kind : std::uint8_t { plain, with_descriptors, flush };

  Waiter waiter;
  ByteView message;
  std::unique_ptr<std::vector<Descriptor>> descriptors;
  Kind kind = Kind::plain;
  bool waiting = false;  // the connection knows of it
};

}  // namespace detail

/// How a connection speaks.
struct ConnectionOptions {
  Framing framing = Framing::lines();  ///< streams only
  std::size_t descriptors = 0;         ///< accepted per message; 0 refuses them all
  Limits limits = {};
  Full full = Full::disconnect;  ///< what a broadcast does when the queue is full
};

/// How a connection is made.
struct ConnectOptions {
  Duration deadline = defaults::connect_time;  ///< for the connect alone
  SocketType type = SocketType::stream;        ///< stream or seqpacket
  Framing framing = Framing::lines();
  std::size_t descriptors = 0;
  Limits limits = {};
  /// Refuse any server whose uid (of its listen() call) is another, before the first byte.
  std::optional<std::uint32_t> server_uid = {};
};

/// What went through a connection so far.
struct Counters {
  std::uint64_t messages_received = 0;
  std::uint64_t messages_sent = 0;   ///< accepted by send(); see bytes_sent for what left
  std::uint64_t bytes_received = 0;  ///< framing included
  std::uint64_t bytes_sent = 0;      ///< taken by the kernel, framing included
  std::uint64_t dropped = 0;         ///< broadcasts that found the queue full, or no packet holds
};

class HALLWAY_EXPORT Connection {
 public:
  /// Connects. A full backlog is retried until the deadline: the kernel gives no event for it.
  /// @errors no_such_file_or_directory, connection_refused: nobody listens there;
  ///         permission_denied; timed_out; wrong_protocol_type: it is another socket type;
  ///         operation_not_permitted: the server is not the uid asked for
  static Task<Result<Connection>> connect(Loop& loop, AddressSpec address,
                                          ConnectOptions options = {});

  /// Adopts a connected socket: an inherited one, half of a socket_pair(), ...
  /// @errors not_a_socket, not_connected, wrong_protocol_type: a datagram socket
  static Result<Connection> adopt(Loop& loop, Descriptor socket, ConnectionOptions options = {});

  /// Two connections to each other, in this process.
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
  /// The next message. Does not suspend while a whole one is buffered.
  /// @param within  gives timed_out when nothing whole has arrived by then
  /// Outcomes: ok, timed_out, truncated (the message went over options.descriptors, or the
  /// kernel dropped some; its bytes are there), end_of_stream, peer_gone, closed, failed (a
  /// message over max_message, a half one after message_time: the connection is then closed).
  [[nodiscard]] Receive receive(Duration within = forever);

  class ReceiveSome;
  /// A piece of a message as soon as it is there, for messages larger than one wants to hold or
  /// wait for: Message::more() says whether others of the same message follow. A piece has at
  /// least one byte, except that the last may be empty; descriptors come with the last.
  /// @param within  for this piece
  /// Outcomes: as receive(). max_message holds for the whole message, message_time for each piece.
  /// Precondition: a message that was begun is taken to its end this way.
  [[nodiscard]] ReceiveSome receive_some(Duration within = forever);

  /// As receive(), but would_block instead of suspending.
  [[nodiscard]] Received try_receive();

  // Sending ------------------------------------------------------------------------------------

  class Send;
  /// Queues one message; suspends while the queue is over its soft limit (back-pressure). A message
  /// of bounds::chunk or more is not copied if that can be helped: it also waits while the kernel
  /// takes nothing, and others wait behind it.
  /// Outcomes: ok, peer_gone, closed, failed (over max_message: nothing is sent; or the peer did
  /// not read for outbound_soft_time: the connection is then closed).
  [[nodiscard]] Send send(const ByteView& message);

  /// The same, with descriptors, which are adopted and closed once the kernel has them. They
  /// arrive with this message and no other; on a stream it needs at least one byte. At most
  /// bounds::descriptors_per_message.
  [[nodiscard]] Send send(ByteView message, std::vector<Descriptor> descriptors);
  [[nodiscard]] Send send(ByteView message, Descriptor descriptor);

  /// As send(), but would_block instead of suspending.
  Sent try_send(ByteView message);

  /// Completes when the kernel has taken everything queued so far.
  [[nodiscard]] Send flush();

  /// Completes when the peer's process has read everything sent so far, which a server that turned
  /// this client away never does. The kernel has no event for this: it is asked (SIOCOUTQ) after
  /// 20 us, and then ever less often, every 5 ms at last. The connection stays where it is until
  /// then. Outcomes: ok; peer_gone: the peer closed its end before it had read everything (Linux
  /// notes that as ECONNRESET, net/unix/af_unix.c); timed_out; closed, failed: as send().
  [[nodiscard]] Task<Sent> confirm(Duration within = defaults::request_time);

  /// Sends, then receives once. For peers that answer one message with one message.
  [[nodiscard]] Task<Received> request(ByteView message, Duration within = defaults::request_time);

  class Broadcast;
  /// Sends to every other connection of the same server; a connection of no server has none.
  /// Each queue shares the one copy made here. Suspends only for connections that are full and
  /// asked for Full::wait, and for loops that are behind (see Server).
  [[nodiscard]] Broadcast broadcast(ByteView message);

  // Ending -------------------------------------------------------------------------------------

  /// Writes what is queued, then tells the peer that no more comes; receiving goes on.
  void half_close();

  /// Writes what is queued, then closes. Bytes the peer sent and nobody received are read and
  /// dropped first: closing over them would reset the connection and could cost the peer our
  /// answer (man 7 unix). Waiting receives and sends end with Outcome::closed.
  void close();

  /// Closes now, unsent messages included.
  void abort();

  /// Gives up the socket, for another program or library to go on with. It is blocking again, lets
  /// descriptors pass (SO_PASSRIGHTS) and adds no credentials to packets, as a new socket.
  /// Precondition: nothing was received or sent yet.
  [[nodiscard]] Descriptor release() &&;

  // Looking ------------------------------------------------------------------------------------

  [[nodiscard]] const Peer& peer() const noexcept;
  [[nodiscard]] Result<std::vector<std::uint32_t>> peer_groups() const;
  [[nodiscard]] Result<Descriptor> peer_pidfd() const;
  [[nodiscard]] Result<PidStatus> peer_identity() const;
  [[nodiscard]] const Address& address() const noexcept;  ///< of the server's end
  [[nodiscard]] SocketType type() const noexcept;
  [[nodiscard]] std::uint64_t number() const noexcept;  ///< 1, 2, ... within its server; else 0
  [[nodiscard]] Counters counters() const noexcept;
  [[nodiscard]] std::size_t unsent_bytes() const noexcept;
  [[nodiscard]] int descriptor() const noexcept;  ///< borrowed
  [[nodiscard]] Loop& loop() const noexcept;

  /// How both sides talk from the next message on: for protocols that switch.
  void set_framing(Framing receive, Framing send) noexcept;

 private:
  friend class detail::ConnectionState;
  explicit Connection(detail::ConnectionState* state) noexcept;
  [[nodiscard]] detail::ConnectionState& state() const noexcept;

  detail::Flow* flow_;
};

// The awaitables below live in coroutines, where all that is set up is written to memory, and so is
// most of what is copied. A message that is there, or fits, costs little more than these writes;
// what only waiting needs is not there until a task waits.

/// What receive() returns: to be awaited at once.
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
  detail::Flow::Front front_;         // the message, or
  std::optional<Received> received_;  // what else came of it
  Duration within_;
  std::optional<detail::Wait> wait_;
};

/// What receive_some() returns: to be awaited at once.
class [[nodiscard]] HALLWAY_EXPORT Connection::ReceiveSome : public Connection::Receive {
 public:
  using Receive::Receive;
  bool await_ready() { return flow_->next_some(received_); }
  bool await_suspend(std::coroutine_handle<> awaiting);
};

/// What send() and flush() return: to be awaited at once. A message that fits is sent already.
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

/// What broadcast() returns: to be awaited at once.
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
  std::optional<Task<>> walk_;  // where it does not just add to the broadcasts before it
};

inline Connection::Receive Connection::receive(Duration within) { return {*flow_, within}; }
inline Connection::ReceiveSome Connection::receive_some(Duration within) {
  return {*flow_, within};
}
inline Connection::Send Connection::send(const ByteView& message) { return {*flow_, message}; }
inline Connection::Broadcast Connection::broadcast(ByteView message) { return {*this, message}; }

}  // namespace hallway
