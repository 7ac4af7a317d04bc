// SPDX-License-Identifier: Apache-2.0
//
// Messages over one connected socket, without waiting: what Connection does on a loop and Client
// does by blocking. A transport reads and writes when it is told to and says what came of it.
//
// Either direction ends once and for all. inbound_end() and outbound_end() are ok until then.
//
// std::bad_alloc leaves a transport as it was before the call: no byte and no descriptor that
// arrived is lost, and none that was sent. What cannot be undone ends in Outcome::failed instead.
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

/// What every connection of one server, or of one connect, has in common. Shared, because a
/// thousand idle connections should not hold a thousand copies.
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
  std::size_t messages = 0;  // that many frames, one after the other
};

/// How long to wait before asking again whether a peer has read everything: longer each time.
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
  /// Adopts a connected socket. `buffers` outlives the transport.
  ConnectionCore(Descriptor socket, const Peer& peer,
                 std::shared_ptr<const ConnectionConfig> config, core::BufferPools& buffers);
  virtual ~ConnectionCore();

  // Receiving ----------------------------------------------------------------------------------

  enum class Fill : std::uint8_t { progress, would_block, ended };

  /// Reads from the socket once, at most so many bytes of a stream. Only when next() found no
  /// message.
  Fill fill(std::size_t most = bounds::stream_read);

  /// Whether next() gave nothing for the others' sake, although messages are buffered.
  [[nodiscard]] bool yielded() const noexcept { return yielded_; }

  /// Gives the large receive buffer back until there is something to read. Only when next()
  /// found no message.
  void release_buffer();

  /// The same where little was read and others on the loop read, too: one large buffer, which stays
  /// in the cache, then serves them all.
  void yield();

  /// Part of a message, which is not whole yet.
  [[nodiscard]] bool has_partial() const noexcept { return filled_ != unread_ || in_pieces(); }
  /// Of the receive buffer, what was received into: messages that were handed out are there until
  /// the next is asked for.
  [[nodiscard]] std::size_t buffered_bytes() const noexcept {
    return buffer_ ? static_cast<std::size_t>(filled_ - buffer_.data()) : 0;
  }

  /// The slow half of next(): descriptors, packets, and the ways a stream ends.
  bool take_next(std::optional<Received>& received);

  /// The same for next_some().
  bool take_some(std::optional<Received>& received);

  void end_inbound(Outcome outcome) noexcept;
  [[nodiscard]] Outcome inbound_end() const noexcept { return inbound_end_; }

  // Sending ------------------------------------------------------------------------------------

  /// The slow half of append(). A full queue is would_block, and so is a sender that has written
  /// more at once than the others on the loop should wait for, and a large message that nothing
  /// could be done with but to copy it.
  Outcome enqueue(ByteView message);
  /// Takes the descriptors only with ok.
  Outcome enqueue(ByteView message, std::vector<Descriptor>& descriptors);

  /// By reference; `frame` is in this transport's send framing.
  void enqueue_shared(const SharedBytes& frame);

  /// Writes until the queue is empty (ok), the kernel is full (would_block) or it ends. It takes
  /// more when the socket is writable again, or where resource_backoff() is active, after its
  /// pause.
  Outcome flush() noexcept;
  [[nodiscard]] const message::ResourceBackoff& resource_backoff() const noexcept {
    return resource_backoff_;
  }

  /// Whether the socket can carry a packet of `size` bytes. A stream carries anything.
  [[nodiscard]] bool fits(std::size_t size) const noexcept { return size <= largest_packet_; }
  bool drop_oldest() { return queue_.drop_oldest(); }
  void count_dropped() noexcept { ++dropped_; }

  /// Whether the peer has read everything that the kernel took: ok, or would_block while it has
  /// not, or the reason of an end; peer_gone if it closed its end before that.
  Outcome look_whether_read() noexcept;

  [[nodiscard]] std::size_t queued_bytes() const noexcept {
    return queue_.bytes({room_, room_end_});
  }
  [[nodiscard]] bool queue_empty() const noexcept { return queue_.empty(); }
  /// The kernel did not take everything at the last flush.
  [[nodiscard]] bool send_blocked() const noexcept { return send_blocked_; }
  /// A large message that waits counts as queued.
  [[nodiscard]] bool over_soft_limit() const noexcept {
    return large_waits_ || queued_bytes() >= config_->options.limits.outbound_soft;
  }
  void end_outbound(Outcome outcome) noexcept;
  [[nodiscard]] Outcome outbound_end() const noexcept { return outbound_end_; }

  /// Nothing more is queued; what is, is still written.
  void refuse_more() noexcept;

  /// Others had their turn: this one may write at once again.
  void end_turn() noexcept { written_this_turn_ = 0; }

  // Both ---------------------------------------------------------------------------------------

  /// Ends both directions with the error that `describe` gives: out of memory, if it cannot.
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

  /// The peer can send no more; what it has sent is still received, and then Outcome::closed.
  /// False: it was so already, or the connection is gone.
  bool shut_down_reading() noexcept {
    return !std::exchange(read_shut_down_, true) && sys::shutdown_reading(socket_.get());
  }

  /// Tells the peer that no more comes. Where that is forbidden, only closing tells it: the
  /// transport fails.
  void shut_down_writing() noexcept;

  /// Reads away what nobody will receive, then closes: see Connection::close().
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
  /// Something was queued: to be flushed before long.
  virtual void on_queued() {}

  /// Something is about to be queued.
  virtual void before_queuing() noexcept {}

  /// From now on those of another loop. `buffers` outlives the transport.
  void use_buffers(core::BufferPools& buffers) noexcept { queue_.use_buffers(buffers); }

  /// Whether the kernel may be asked to hold so many bytes. It is told whether they are held.
  [[nodiscard]] virtual bool may_raise_send_buffer(std::size_t /*bytes*/) noexcept { return true; }
  virtual void note_send_buffer(std::size_t /*bytes*/) noexcept {}

  /// Whether nothing more may wait for the kernel to take it, below the soft limit too.
  [[nodiscard]] virtual bool over_share() const noexcept { return false; }

  /// Whether a task has had its share of this turn.
  [[nodiscard]] virtual bool turn_is_over() const { return false; }

 private:
  /// Descriptors that arrived and no frame has claimed yet.
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
  /// A message was begun that is taken in pieces.
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
  /// Writes `behind` after the queue, too, and leaves of it what the kernel did not take.
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
  bool large_waits_ = false;     // for the queue to be empty, and so does everybody behind it
  bool reset_ = false;           // the kernel reported ECONNRESET; what was queued is still read
  Peer peer_;
  core::ReceiveBuffer buffer_;
  std::shared_ptr<const ConnectionConfig> config_;
  std::unique_ptr<Inbox> inbox_;        // only where descriptors are accepted
  std::unique_ptr<Error> error_;        // null after a failure: out of memory
  std::unique_ptr<Progress> progress_;  // only where messages are taken in pieces
  OutboundQueue queue_;
  message::ResourceBackoff resource_backoff_;
  std::uint32_t written_this_turn_ = 0;  // at most what one may write
  std::uint32_t largest_packet_ = UINT32_MAX;
  std::uint64_t bytes_received_ = 0;
  std::uint64_t bytes_sent_ = 0;
  std::uint64_t dropped_ = 0;
};

}  // namespace hallway::detail
