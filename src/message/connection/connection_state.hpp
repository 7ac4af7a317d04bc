// SPDX-License-Identifier: Apache-2.0
//
// A Connection from the inside: a ConnectionCore on a loop, and the tasks that wait for it.
//
// Reading is lazy: the socket is watched while a task receives. An event that arrives while no task
// receives turns the watch off, and the next receive turns it on again. This is the back-pressure
// on a peer whose messages are not taken.
//
// When memory runs out, a call of the program throws std::bad_alloc and changes nothing. In an
// event or a destructor, which no program calls, only this connection ends.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <hallway/connection.hpp>

#include "loop/loop_core.hpp"
#include "message/connection/connection_core.hpp"

namespace hallway::detail {

/// A server's side of its connection: it is notified of the end, and reaches the other connections.
class ConnectionObserver {
 public:
  virtual ~ConnectionObserver() = default;
  [[nodiscard]] virtual std::uint64_t number() const noexcept = 0;
  /// The account of its uid at the server.
  [[nodiscard]] virtual core::Account& account() const noexcept = 0;
  virtual void connection_ended(ConnectionState& state, std::string reason) noexcept = 0;
  /// Its socket continues in another program, so its end will not be known here.
  virtual void connection_released() noexcept = 0;
  virtual Task<> broadcast(ByteView message, const ConnectionState* except) = 0;
  /// Broadcasts immediately, if that takes no more than appending to the broadcasts before it.
  /// @return false if the message was not broadcast
  virtual bool broadcast_batched(ByteView message, const ConnectionState* except) = 0;
  /// Moves what was broadcast so far to all queues. Called before one of them is used or examined.
  virtual void settle_broadcasts() noexcept = 0;
  /// A connection that a broadcast waits for has room again, or is gone.
  virtual void room_made() = 0;
};

class ConnectionState final : public Lingering, private Watch, private Flushable {
 public:
  /// Adopts a connected socket and watches it. Owned by the Connection made from it, until that
  /// detaches; then by the loop, until everything is written.
  static Result<Connection> open(Loop& loop, Descriptor socket, const Peer& peer,
                                 std::shared_ptr<const ConnectionConfig> config,
                                 std::shared_ptr<ConnectionObserver> observer = nullptr);
  ~ConnectionState() override;

  static ConnectionState& of(const Connection& connection) noexcept { return connection.state(); }
  [[nodiscard]] ConnectionCore& core() noexcept { return core_; }
  [[nodiscard]] const ConnectionCore& core() const noexcept { return core_; }

  // What Connection and its awaitables do ------------------------------------------------------

  /// A connection outside of a server ends its waiting receive when the loop drains, unless this is
  /// called, or an answer to a request is awaited.
  void keep_while_draining() noexcept;

  bool begin_receive(Connection::Receive& receive);  ///< false if the outcome is already known
  void forget(Connection::Receive& receive) noexcept;
  bool begin_send(Connection::Send& send);  ///< false if the outcome is already known
  void forget(const Connection::Send& send) noexcept;

  /// The slow path of a receive: see ConnectionHalves.
  bool take_next(std::optional<Received>& received);
  Received try_receive();

  /// Queues a message and schedules a flush. Returns as ConnectionHalves::enqueue().
  Outcome enqueue(ByteView message) {
    return core_.halves().send.try_enqueue(message) ? Outcome::ok : enqueue_slowly(message);
  }
  Outcome enqueue_slowly(ByteView message);
  Outcome enqueue(ByteView message, std::vector<Descriptor>& descriptors);
  /// Queues by reference; `frames` must be in this connection's send framing.
  void enqueue_shared(const SharedBytes& frames);
  void set_framing(Framing receive, Framing send) noexcept;
  /// As check_peer_has_read(). Bytes that are still queued here count as unread.
  Outcome check_confirmed();
  void half_close();
  void close(Outcome outcome = Outcome::closed);
  void abort();
  Descriptor release();

  /// Called when the owner is destroyed. Closes, and deletes itself when that is done.
  void detach();
  [[nodiscard]] bool move_to(Loop& loop) noexcept override;

  // What servers do ----------------------------------------------------------------------------

  /// Lets the task process what has arrived. A receive that would have to wait ends with
  /// Outcome::closed.
  void drain() noexcept;

  /// Queues one broadcast message, by the connection's policy for a full queue. If that fails, the
  /// connection ends, because it would otherwise lose a message.
  void deliver(const SharedBytes& frame) noexcept;
  /// Ends the connection: there was no memory for the frame that only it needs.
  void miss_broadcast() noexcept;

  /// Whether several broadcasts may be delivered to it as one range: not under a policy that drops
  /// single messages, and not in packets.
  [[nodiscard]] bool accepts_batches() const noexcept {
    const OverflowPolicy policy = core_.config().options.overflow;
    return !core_.packets() &&
           (policy == OverflowPolicy::wait || policy == OverflowPolicy::disconnect);
  }
  [[nodiscard]] bool blocks_broadcast() const noexcept;
  /// A broadcast waits for this connection: it is flushed in this turn, and its clocks run.
  void note_blocking();
  /// Moves what the server has broadcast so far to the queue. Called before the queue is used or
  /// examined.
  void settle_broadcasts() noexcept {
    if (!broadcasts_pending_) return;
    observer_->settle_broadcasts();
    broadcasts_pending_ = false;
  }

  [[nodiscard]] Loop& loop() const noexcept { return *loop_; }
  [[nodiscard]] ConnectionObserver* observer() const noexcept { return observer_.get(); }

 private:
  using TimePoint = Loop::Clock::time_point;
  static constexpr TimePoint off = TimePoint::max();

  /// A clock that runs, and the reason for the error when it expires.
  struct Running {
    TimePoint until;
    const char* reason;
  };

  /// What only few connections need, so that idle ones do not hold it.
  struct Waits {
    std::vector<Connection::Send*> senders;   // wait for room
    std::vector<Connection::Send*> flushers;  // wait for an empty queue
    std::unique_ptr<Timer> deadline;          // of the receive
    std::unique_ptr<Timer> clock;             // watches the times below
    TimePoint partial_since = off;            // when a message began to arrive
    TimePoint soft_since = off;               // when the queue went over its soft limit
    TimePoint opened_at = off;                // noted if the handshake has a time limit
    TimePoint active_at = off;                // when bytes went in or out; noted while a clock runs
    TimePoint retry_at = off;                 // when to retry after resource exhaustion
    std::uint64_t dealt_with = 0;             // messages received when the program asked for more
    std::optional<Received> returned;         // a message whose receive was cancelled
  };

  ConnectionState(Loop& loop, Descriptor socket, const Peer& peer,
                  std::shared_ptr<const ConnectionConfig> config);

  void end_with_drain();

  void ready(std::uint32_t events) override;
  bool try_read_now() override;
  void flush_turn() override;

  /// Runs an action that no program called: out of memory ends the connection.
  template <typename Action>
  void end_if_out_of_memory(Action action) noexcept;

  void handle(std::uint32_t events);
  void await_more();
  bool read();
  bool read_once(std::optional<Received>& received);
  bool next(std::optional<Received>& received);
  [[nodiscard]] bool must_yield();
  /// Keeps a message for the next receive. Its bytes are still in the buffer, and stay there until
  /// that one.
  void give_back(Received received);
  bool take_returned(std::optional<Received>& received);
  void release_buffer();
  [[nodiscard]] Received without_message(Outcome outcome) const noexcept {
    return Received(core_.reason(outcome));
  }
  void complete();
  void complete_with(Received received);
  void complete_with_end();
  void schedule_flush();
  template <typename Action>
  Outcome enqueue_by(Action action);
  void write();
  void note_pressure(Outcome outcome);
  void wake_senders();
  void complete_senders(std::vector<Connection::Send*>& sends, Outcome outcome);
  void queue_broadcast(const SharedBytes& frame);
  void finish() noexcept;
  void update_events();

  [[nodiscard]] LoopCore& loop_core() const noexcept { return loop_->core(); }
  [[nodiscard]] const Limits& limits() const noexcept { return core_.config().options.limits; }
  Waits& waits();
  void note_partial();
  void note_whole() noexcept;
  void note_activity() noexcept;
  void note_asking();
  void start_clock();
  void check_clocks();
  void process_late_events();
  void read_what_arrived();
  void give_up_receiving();
  [[nodiscard]] Running next_clock(bool asking) const noexcept;
  void fail_with_timeout(const char* reason) noexcept;
  void fail_over_share() noexcept;
  [[nodiscard]] std::string reason_of_end() const;

  Loop* loop_;
  // Shared with the handler: whichever ends last frees the slot, and then the account that core_
  // charges may end.
  std::shared_ptr<ConnectionObserver> observer_;
  ConnectionCore core_;
  Connection::Receive* receiving_ = nullptr;
  std::unique_ptr<Waits> waits_;
  bool watches_readable_ = true;     // a task receives, or no event has ended the watch yet
  bool watches_writable_ = false;    // the kernel takes no more: waits until it is writable
  bool yielded_ = false;             // the last receive ended early, so that other tasks can run
  bool broadcasts_pending_ = false;  // the server's batch may hold broadcasts for this connection
  bool draining_ = false;
  bool half_closed_ = false;
  bool closing_ = false;
  bool finished_ = false;
  bool orphaned_ = false;     // the loop owns it
  bool loop_drains_ = false;  // which ends a receive, unless it waits for an answer
  Loop::DrainCallback on_drain_;
};

}  // namespace hallway::detail
