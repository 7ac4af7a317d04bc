// SPDX-License-Identifier: Apache-2.0
//
// Messages over one connected socket, without waiting: the part that Connection (on a loop) and
// Client (blocking) share. A ConnectionCore moves bytes between the socket and its two halves when
// it is called, and returns the outcome.
//
// Each direction ends once and permanently. inbound_end() and outbound_end() are ok until then.
//
// std::bad_alloc leaves a ConnectionCore as it was before the call: no byte or descriptor that
// arrived is lost, and none that was sent. A step that cannot be undone ends in Outcome::failed
// instead.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <memory>
#include <new>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <hallway/address.hpp>
#include <hallway/connection.hpp>
#include <hallway/descriptor.hpp>
#include <hallway/detail/connection_halves.hpp>
#include <hallway/peer.hpp>
#include <hallway/socket.hpp>

#include "core/accounts.hpp"
#include "core/backoff.hpp"
#include "core/buffer_pools.hpp"
#include "message/connection/resource_backoff.hpp"
#include "message/connection/shared_bytes.hpp"
#include "sys/socket.hpp"

namespace hallway::detail {

/// What all connections of one server, or of one connect, have in common. It is shared so that a
/// thousand idle connections do not hold a thousand copies.
struct ConnectionConfig {
  ConnectionOptions options;
  Address address;
  SocketType type = SocketType::stream;
  const char* peer = "the peer";  ///< what reasons call it: a server's peer is a client
};

/// How long to wait before checking again whether a peer has read everything.
inline constexpr core::Backoff read_pauses{std::chrono::microseconds(20),
                                           std::chrono::milliseconds(5)};

class ConnectionCore {
 public:
  /// Adopts a connected socket. `buffers` must outlive this object.
  /// @param state  owns this object; null for a blocking client
  ConnectionCore(Descriptor socket, const Peer& peer,
                 std::shared_ptr<const ConnectionConfig> config, core::BufferPools& buffers,
                 ConnectionState* state = nullptr);
  ConnectionCore(const ConnectionCore&) = delete;
  ConnectionCore& operator=(const ConnectionCore&) = delete;
  ~ConnectionCore() = default;

  [[nodiscard]] ConnectionHalves& halves() noexcept { return halves_; }
  [[nodiscard]] const ConnectionHalves& halves() const noexcept { return halves_; }

  // Receiving ----------------------------------------------------------------------------------

  enum class Fill : std::uint8_t { progress, would_block, ended };

  /// Reads from the socket once, at most `most` bytes of a stream. Call it only after no message
  /// was found.
  Fill fill(std::size_t most = bounds::stream_read);

  /// Takes the next message on the fast path.
  /// @return false if take() has to look for it
  bool find(std::optional<Received>& received) {
    ReceiveHalf::Front front;
    if (!halves_.receive.find(front)) return false;
    received = halves_.take_front(front);
    return true;
  }
  /// Takes the next message, or the end.
  /// @return false if more may still arrive
  bool take(std::optional<Received>& received) { return give(halves_.receive.take(), received); }

  [[nodiscard]] bool has_partial() const noexcept { return halves_.receive.has_partial(); }
  void end_inbound(Outcome outcome) noexcept { halves_.receive.end(outcome); }
  [[nodiscard]] Outcome inbound_end() const noexcept { return halves_.receive.ended(); }

  // Sending ------------------------------------------------------------------------------------

  /// Whether a message can be queued now.
  /// @return ok; would_block: the queue is full, the connection has written its share of this turn,
  ///         or the message is large and the kernel would take none of it now; otherwise the reason
  ///         why the message can never be sent
  [[nodiscard]] Outcome check_sendable(ByteView message, std::size_t descriptors) const noexcept;

  /// Queues a message if check_sendable() allows it, and returns what that does.
  Outcome enqueue(ByteView message);
  /// Takes the descriptors only if it returns ok.
  Outcome enqueue(ByteView message, std::vector<Descriptor>& descriptors);

  /// Queues by reference; `frames` must be in this connection's send framing.
  /// @return whether the direction has not ended
  bool enqueue_shared(const SharedBytes& frames);

  /// Writes until the queue is empty (ok), the kernel is full (would_block) or the direction ends.
  /// After would_block, call it again when the socket is writable or, if resource_backoff() is
  /// active, after its pause.
  Outcome flush() noexcept;
  [[nodiscard]] const message::ResourceBackoff& resource_backoff() const noexcept {
    return resource_backoff_;
  }

  /// Whether the socket can carry a packet of `size` bytes. A stream carries any size.
  [[nodiscard]] bool fits(std::size_t size) const noexcept { return size <= largest_packet_; }
  bool drop_oldest() noexcept { return halves_.send.drop_oldest(); }
  void count_dropped() noexcept { ++dropped_; }

  /// Whether the peer has read everything that the kernel took.
  /// @return ok, would_block while it has not, or the reason of an end; peer_gone if it closed its
  ///         end before that
  Outcome check_peer_has_read() noexcept;

  [[nodiscard]] std::size_t queued_bytes() const noexcept { return halves_.send.queued_bytes(); }
  [[nodiscard]] bool queue_empty() const noexcept { return halves_.send.empty(); }
  /// Whether the kernel did not take everything at the last flush.
  [[nodiscard]] bool send_blocked() const noexcept { return send_blocked_; }
  /// A large message that waits counts as queued.
  [[nodiscard]] bool over_soft_limit() const noexcept {
    return large_waits_ || queued_bytes() >= config_->options.limits.outbound_soft;
  }
  void end_outbound(Outcome outcome) noexcept;
  [[nodiscard]] Outcome outbound_end() const noexcept { return outbound_end_; }

  /// Accepts no more messages. What is queued is still written.
  void refuse_more() noexcept;

  /// The other senders had their turn: this one may write at once again.
  void end_turn() noexcept { written_this_turn_ = 0; }

  // Accounting ---------------------------------------------------------------------------------

  /// Charges what the connection holds to the account of its uid, which outlives this object.
  void charge_to(core::Account& account) { kept_.emplace(account, core::Quota::memory); }
  /// Adjusts the charge to the memory that the connection holds now.
  void update_memory_charge() noexcept;
  /// Whether the share of its uid has room for more memory.
  [[nodiscard]] bool may_hold_more() const noexcept { return !kept_ || kept_->may_grow(); }
  /// Whether the kernel accepts no more bytes and the uid has used up its share of memory.
  [[nodiscard]] bool over_share() const noexcept { return send_blocked_ && !may_hold_more(); }

  // Both directions -----------------------------------------------------------------------------

  /// Ends both directions with the error that `describe` returns, or with "out of memory" if it
  /// throws std::bad_alloc.
  template <typename Describe>
  void fail(Describe describe) noexcept {
    try {
      keep_error(std::make_unique<Error>(describe()));
    } catch (const std::bad_alloc&) {
      keep_error(nullptr);
    }
    end_inbound(Outcome::failed);
    end_outbound(Outcome::failed);
  }
  void fail_out_of_memory() noexcept;
  /// An outcome of this connection with what its error needs: null if it is ok.
  [[nodiscard]] Reason reason(Outcome outcome) const noexcept;
  /// Of a call that an Interrupt ended, although the connection lives on.
  /// @param operation  "send to" or "receive from"
  /// @param unread     it has to be reported if the program does not look at it: see Sent
  [[nodiscard]] Reason interrupted(const char* operation, bool unread) const noexcept;
  /// What failed, after Outcome::failed.
  [[nodiscard]] std::string why_failed() const;

  void set_framing(Framing receive, Framing send) noexcept;
  [[nodiscard]] Framing send_framing() const noexcept { return halves_.send.framing(); }

  /// Switches to the buffers of another loop, which must outlive this object.
  void use_buffers(core::BufferPools& buffers) noexcept;

  /// Makes the peer's sends fail. What it has sent is still received, and then Outcome::closed.
  /// @return false if this was done before, or if the connection is gone
  bool shut_down_reading() noexcept {
    return !std::exchange(read_shut_down_, true) && sys::shutdown_reading(socket_.get());
  }

  /// Announces to the peer that no more data comes. If that is forbidden, only closing announces
  /// it, so the connection fails.
  void shut_down_writing() noexcept;

  /// Discards data that will not be received, then closes: see Connection::close().
  void close_socket() noexcept;
  [[nodiscard]] Descriptor release_socket() noexcept { return std::move(socket_); }

  [[nodiscard]] int descriptor() const noexcept { return socket_.get(); }
  [[nodiscard]] const Peer& peer() const noexcept { return peer_; }
  [[nodiscard]] const ConnectionConfig& config() const noexcept { return *config_; }
  [[nodiscard]] bool packets() const noexcept { return config_->type != SocketType::stream; }
  [[nodiscard]] Counters counters() const noexcept;

 private:
  sys::Expected<std::size_t> receive_stream(std::span<char> room);
  sys::Expected<std::size_t> receive_packet(std::span<char> room);
  sys::Expected<std::size_t> discard(std::span<char> room) const noexcept;
  bool give(const ReceiveHalf::Taken& taken, std::optional<Received>& received) {
    if (taken.state != ReceiveHalf::Taken::State::message) return give_end(taken, received);
    received = Received(taken.message);
    return true;
  }
  bool give_end(const ReceiveHalf::Taken& taken, std::optional<Received>& received);
  void fail_too_large() noexcept;
  void fail_broken_off(std::size_t size) noexcept;
  void keep_error(std::unique_ptr<Error> error) noexcept;

  [[nodiscard]] std::size_t max_sent() const noexcept {
    return std::min(halves_.send.max_message(), largest_packet_);
  }
  [[nodiscard]] bool has_bytes(ByteView message) const noexcept;
  [[nodiscard]] bool large_must_wait(ByteView message) const noexcept {
    return send_blocked_ && avoids_copy(message);
  }
  void note_unsendable(Outcome why, ByteView message);
  [[nodiscard]] Error explain_unsendable(ByteView message) const;
  [[nodiscard]] bool avoids_copy(ByteView message) const noexcept;
  Outcome send_uncopied(ByteView message);
  void limit_room() noexcept { halves_.send.limit_room(config_->options.limits.outbound_soft); }
  /// Also writes `behind` after the queue, and leaves in it what the kernel did not take.
  Outcome flush(ByteView& behind) noexcept;
  Outcome note_send_error(int error) noexcept;
  bool widen_send_buffer() noexcept;

  ConnectionHalves halves_;
  Descriptor socket_;
  Peer peer_;
  std::shared_ptr<const ConnectionConfig> config_;
  std::unique_ptr<Error> error_;               // null after a failure: out of memory
  std::optional<core::Charge> kept_;           // memory it holds; only of a server's connection
  std::unique_ptr<core::Charge> send_buffer_;  // of one whose buffer is larger than usual
  message::ResourceBackoff resource_backoff_;
  std::uint64_t bytes_sent_ = 0;
  std::uint64_t dropped_ = 0;
  std::uint32_t written_this_turn_ = 0;  // at most max_per_turn
  std::uint32_t largest_packet_ = UINT32_MAX;
  Outcome outbound_end_ = Outcome::ok;
  bool refusing_ = false;        // refuse_more() was called
  bool read_shut_down_ = false;  // shut_down_reading() was called
  bool widened_ = false;         // widen_send_buffer() was called
  bool send_blocked_ = false;    // the kernel did not take everything at the last flush
  bool large_waits_ = false;     // a large message waits for an empty queue, and so do later ones
  bool reset_ = false;           // the kernel reported ECONNRESET; what was queued is still read
};

}  // namespace hallway::detail
