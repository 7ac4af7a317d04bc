// SPDX-License-Identifier: Apache-2.0
//
// Messages over one connected socket, without waiting: the part that Connection (on a loop) and
// Client (blocking) share. A ConnectionCore reads and writes when it is called, and returns the
// outcome.
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
#include <utility>
#include <vector>

#include <hallway/address.hpp>
#include <hallway/connection.hpp>
#include <hallway/descriptor.hpp>
#include <hallway/detail/flow.hpp>
#include <hallway/peer.hpp>
#include <hallway/socket.hpp>

#include "core/buffer_pools.hpp"
#include "core/received_descriptors.hpp"
#include "message/connection/outbound_queue.hpp"
#include "message/connection/resource_backoff.hpp"
#include "sys/socket.hpp"

namespace hallway::detail {

/// What all connections of one server, or of one connect, have in common. It is shared so that a
/// thousand idle connections do not hold a thousand copies.
struct ConnectionConfig {
  ConnectionOptions options;
  Address address;
  SocketType type = SocketType::stream;
};

/// A frame or packet ready to be queued many times.
struct SharedBytes {
  core::Chunk chunk;
  std::size_t begin = 0;
  std::size_t end = 0;
  std::size_t messages = 0;  // number of frames, one after the other
};

/// How long to wait before checking again whether a peer has read everything. Grows each time.
class ReadPause {
 public:
  Duration next() noexcept { return std::exchange(next_, std::min(2 * next_, longest)); }

 private:
  static constexpr Duration first = std::chrono::microseconds(20);
  static constexpr Duration longest = std::chrono::milliseconds(5);

  Duration next_ = first;
};

class ConnectionCore : public Flow {
 public:
  /// Adopts a connected socket. `buffers` must outlive this object.
  ConnectionCore(Descriptor socket, const Peer& peer,
                 std::shared_ptr<const ConnectionConfig> config, core::BufferPools& buffers);
  virtual ~ConnectionCore();

  // Receiving ----------------------------------------------------------------------------------

  enum class Fill : std::uint8_t { progress, would_block, ended };

  /// Reads from the socket once, at most `most` bytes of a stream. Call it only after next() found
  /// no message.
  Fill fill(std::size_t most = bounds::stream_read);

  /// Whether next() found no message only to let other tasks run, although messages are buffered.
  [[nodiscard]] bool yielded() const noexcept { return yielded_; }

  /// Returns the large receive buffer to its pool until there is something to read. Call it only
  /// after next() found no message.
  void release_buffer();

  /// Does the same if little is buffered. Used when others on the loop also read: one large buffer,
  /// which stays in the cache, then serves them all.
  void yield();

  /// Whether part of an incomplete message is buffered.
  [[nodiscard]] bool has_partial() const noexcept { return filled_ != unread_ || in_pieces(); }
  /// Bytes of the receive buffer that hold received data. Messages that were handed out stay there
  /// until the next one is requested.
  [[nodiscard]] std::size_t buffered_bytes() const noexcept {
    return buffer_ ? static_cast<std::size_t>(filled_ - buffer_.data()) : 0;
  }

  /// The slow path of next(): descriptors, packets, and the ways a stream ends.
  bool take_next(std::optional<Received>& received);

  /// The same for next_some().
  bool take_some(std::optional<Received>& received);

  void end_inbound(Outcome outcome) noexcept;
  [[nodiscard]] Outcome inbound_end() const noexcept { return inbound_end_; }

  // Sending ------------------------------------------------------------------------------------

  /// The slow path of append(). Returns would_block for a full queue, for a sender that has written
  /// more at once than the others on the loop should wait for, and for a large message that could
  /// only be copied.
  Outcome enqueue(ByteView message);
  /// Takes the descriptors only if it returns ok.
  Outcome enqueue(ByteView message, std::vector<Descriptor>& descriptors);

  /// Queues by reference; `frame` must be in this connection's send framing.
  void enqueue_shared(const SharedBytes& frame);

  /// Writes until the queue is empty (ok), the kernel is full (would_block) or the direction ends.
  /// After would_block, call it again when the socket is writable or, if resource_backoff() is
  /// active, after its pause.
  Outcome flush() noexcept;
  [[nodiscard]] const message::ResourceBackoff& resource_backoff() const noexcept {
    return resource_backoff_;
  }

  /// Whether the socket can carry a packet of `size` bytes. A stream carries any size.
  [[nodiscard]] bool fits(std::size_t size) const noexcept { return size <= largest_packet_; }
  bool drop_oldest() { return queue_.drop_oldest(); }
  void count_dropped() noexcept { ++dropped_; }

  /// Whether the peer has read everything that the kernel took.
  /// @return ok, would_block while it has not, or the reason of an end; peer_gone if it closed its
  ///         end before that
  Outcome look_whether_read() noexcept;

  [[nodiscard]] std::size_t queued_bytes() const noexcept {
    return queue_.bytes({room_, room_end_});
  }
  [[nodiscard]] bool queue_empty() const noexcept { return queue_.empty(); }
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
  [[nodiscard]] Error explain_outcome(const char* operation, Outcome outcome) const;

  void set_framing(Framing receive, Framing send) noexcept;
  [[nodiscard]] Framing send_framing() const noexcept { return send_framing_; }

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
  [[nodiscard]] const std::shared_ptr<const ConnectionConfig>& shared_config() const noexcept {
    return config_;
  }
  [[nodiscard]] bool packets() const noexcept { return config_->type != SocketType::stream; }
  [[nodiscard]] Counters counters() const noexcept;
  [[nodiscard]] std::uint64_t bytes_received() const noexcept { return bytes_received_; }

 protected:
  /// Called when something was queued, which must be flushed before long.
  virtual void on_queued() {}

  /// Called before something is queued.
  virtual void before_queuing() noexcept {}

  /// Switches to the buffers of another loop. `buffers` must outlive this object.
  void use_buffers(core::BufferPools& buffers) noexcept { queue_.use_buffers(buffers); }

  /// Whether the kernel may be asked for a send buffer of `bytes`. If it grants that,
  /// note_send_buffer() is called.
  [[nodiscard]] virtual bool may_raise_send_buffer(std::size_t /*bytes*/) noexcept { return true; }
  virtual void note_send_buffer(std::size_t /*bytes*/) noexcept {}

  /// Whether no more data may wait for the kernel to take it, even below the soft limit.
  [[nodiscard]] virtual bool over_share() const noexcept { return false; }

  /// Whether a task has used its share of this turn.
  [[nodiscard]] virtual bool turn_is_over() const { return false; }

 private:
  /// Descriptors that arrived and that no frame has claimed yet.
  struct Arrived {
    std::uint64_t position;  // bytes_received_ after the receive that brought them
    core::ReceivedDescriptors descriptors;
    bool truncated;
  };
  struct Inbox {
    std::vector<Arrived> arrived;
    core::ReceivedDescriptors claimed;  // by the message that was handed out last
  };

  sys::Expected<std::size_t> receive_stream(iovec room);
  sys::Expected<std::size_t> receive_packet(iovec room);
  void keep_descriptors(sys::ReceiveResult& reception) noexcept;
  void make_room();
  Outcome claim_descriptors(std::uint64_t frame_end) noexcept;
  /// Whether the first pieces of a message were handed out, and not yet the last.
  [[nodiscard]] bool in_pieces() const noexcept { return progress_ && progress_->begun; }

  bool should_yield();
  bool give(std::optional<Received>& received, ByteView message, std::size_t consumed);
  bool give_piece(std::optional<Received>& received, const Piece& piece);
  bool give_packet(std::optional<Received>& received);
  bool give_end(std::optional<Received>& received);
  void fail_too_large() noexcept;
  void fail_broken_off(std::size_t size) noexcept;
  void keep_error(std::unique_ptr<Error> error) noexcept;
  Outcome refuse(ByteView message, std::size_t descriptors);
  void write_frame(ByteView message);
  [[nodiscard]] bool sent_from_place(ByteView message) const noexcept;
  Outcome send_from_place(ByteView message);
  OutboundQueue::OpenEnd open_queue(std::size_t size);
  void keep_open(const OutboundQueue::OpenEnd& end) noexcept;
  void seal_queue() noexcept;
  /// Also writes `behind` after the queue, and leaves in it what the kernel did not take.
  Outcome flush(ByteView& behind) noexcept;
  bool widen_send_buffer() noexcept;
  [[nodiscard]] bool keeps_boundaries() const noexcept {
    return packets() || config_->options.full == Full::drop_oldest;
  }
  [[nodiscard]] char* writable(const char* position) const noexcept {
    return buffer_.data() + (position - buffer_.data());
  }

  Descriptor socket_;
  Outcome inbound_end_ = Outcome::ok;
  Outcome outbound_end_ = Outcome::ok;
  bool refusing_ = false;        // refuse_more() was called
  bool lent_ = false;            // buffer_ belongs to the pool
  bool packet_waits_ = false;    // one packet lies between unread_ and filled_
  bool yielded_ = false;         // see yielded()
  bool read_shut_down_ = false;  // shut_down_reading() was called
  bool widened_ = false;         // widen_send_buffer() was called
  bool send_blocked_ = false;    // the kernel did not take everything at the last flush
  bool large_waits_ = false;     // a large message waits for an empty queue, and so do later ones
  bool reset_ = false;           // the kernel reported ECONNRESET; what was queued is still read
  Peer peer_;
  core::ReceiveBuffer buffer_;
  std::shared_ptr<const ConnectionConfig> config_;
  std::unique_ptr<Inbox> inbox_;        // only where descriptors are accepted
  std::unique_ptr<Error> error_;        // null after a failure: out of memory
  std::unique_ptr<Progress> progress_;  // only where messages are taken in pieces
  OutboundQueue queue_;
  message::ResourceBackoff resource_backoff_;
  std::uint32_t written_this_turn_ = 0;  // at most most_per_turn
  std::uint32_t largest_packet_ = UINT32_MAX;
  std::uint64_t bytes_received_ = 0;
  std::uint64_t bytes_sent_ = 0;
  std::uint64_t dropped_ = 0;
};

}  // namespace hallway::detail
