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

#include "core/accounts.hpp"
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
  /// Puts what was broadcast so far into the queues, before one of them is used or examined.
  virtual void settle_broadcasts() noexcept = 0;
  /// A connection that a broadcast waits for has room again, or is gone.
  virtual void room_made() = 0;
};

class ConnectionState final : public ConnectionCore,
                              public Lingering,
                              private Watch,
                              private Flushable {
 public:
  /// Adopts a connected socket and watches it. Owned by the Connection made from it, until that
  /// detaches; then by the loop, until everything is written.
  static Result<Connection> open(Loop& loop, Descriptor socket, const Peer& peer,
                                 std::shared_ptr<const ConnectionConfig> config,
                                 std::shared_ptr<ConnectionObserver> observer = nullptr);
  ~ConnectionState() override;

  static ConnectionState& of(const Connection& connection) noexcept { return connection.state(); }

  // What Connection and its awaitables do ------------------------------------------------------

  bool begin_receive(Connection::Receive& receive);  ///< false if the outcome is already known
  void forget(const Connection::Receive& receive) noexcept;
  bool begin_send(Connection::Send& send);  ///< false if the outcome is already known
  void forget(const Connection::Send& send) noexcept;

  Received try_receive();
  /// As look_whether_read(). Bytes that are still queued here count as unread.
  Outcome look_whether_confirmed();
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

  /// Whether broadcasts may be delivered to it in batches: not if each message may be dropped.
  [[nodiscard]] bool takes_many() const noexcept {
    const Full full = config().options.full;
    return !packets() && (full == Full::wait || full == Full::disconnect);
  }
  [[nodiscard]] bool blocks_broadcast() const noexcept;
  /// A broadcast waits for this connection: it is flushed in this turn, and its clocks run.
  void note_blocking();
  /// Puts what the server broadcast so far into the queue.
  void settle_broadcasts() noexcept {
    if (observer_) observer_->settle_broadcasts();
  }

  /// Charges the memory it holds now to the account of its uid.
  void note_kept() noexcept;
  /// Whether the kernel takes nothing and its uid has as many bytes waiting here as it may.
  [[nodiscard]] bool over_share() const noexcept override {
    return send_blocked() && kept_ && !kept_->may_grow();
  }

  [[nodiscard]] Loop& loop() const noexcept { return *loop_; }
  [[nodiscard]] ConnectionObserver* observer() const noexcept { return observer_.get(); }

 private:
  class Deadline;
  class Clock;
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
    std::unique_ptr<Deadline> deadline;       // of the receive
    std::unique_ptr<Clock> clock;             // watches the times below
    TimePoint partial_since = off;            // when a message began to arrive
    TimePoint soft_since = off;               // when the queue went over its soft limit
    TimePoint opened_at = off;                // noted if the handshake has a time limit
    TimePoint active_at = off;                // when bytes went in or out; noted while a clock runs
    TimePoint retry_at = off;                 // when to retry after resource exhaustion
    std::uint64_t dealt_with = 0;             // messages received when the program asked for more
  };

  ConnectionState(Loop& loop, Descriptor socket, const Peer& peer,
                  std::shared_ptr<const ConnectionConfig> config);

  void ready(std::uint32_t events) override;
  bool try_read_now() override;
  void flush_turn() override;
  void on_queued() override;
  void before_queuing() noexcept override { settle_broadcasts(); }
  [[nodiscard]] bool may_raise_send_buffer(std::size_t bytes) noexcept override;
  void note_send_buffer(std::size_t bytes) noexcept override;
  [[nodiscard]] bool turn_is_over() const override;

  /// Runs an action that no program called: out of memory ends the connection.
  template <typename Action>
  void or_end(Action action) noexcept;

  void handle(std::uint32_t events);
  void await_more();
  bool read();
  bool read_once(std::optional<Received>& received);
  bool take(std::optional<Received>& received);
  void complete(const Received& received);
  void complete_with_end();
  void write();
  void note_pressure(Outcome outcome);
  void wake_senders();
  void complete_senders(std::vector<Connection::Send*>& sends, Outcome outcome);
  void queue_broadcast(const SharedBytes& frame);
  void finish() noexcept;
  void update_events();

  [[nodiscard]] LoopCore& core() const noexcept { return loop_->core(); }
  Waits& waits();
  void note_partial();
  void note_whole() noexcept;
  void note_activity() noexcept;
  void note_asking();
  void start_clock();
  void check_clocks();
  void look_once_more();
  void read_what_arrived();
  void give_up_receiving();
  [[nodiscard]] Running next_clock(bool asking) const noexcept;
  void fail_with_timeout(const char* reason) noexcept;
  void take_too_much() noexcept;
  [[nodiscard]] std::string reason_of_end() const;

  Loop* loop_;
  std::shared_ptr<ConnectionObserver>
      observer_;                      // shared with the handler: whichever ends last frees the slot
  std::optional<core::Charge> kept_;  // memory it holds; only of a server's connection
  std::optional<core::Charge> send_buffer_;  // of one whose buffer is larger than usual
  Connection::Receive* receiving_ = nullptr;
  std::unique_ptr<Waits> waits_;
  bool listening_ = true;  // watches for something to read
  bool full_ = false;      // the kernel takes no more: waits until it is writable
  bool draining_ = false;
  bool half_closed_ = false;
  bool closing_ = false;
  bool finished_ = false;
  bool orphaned_ = false;  // the loop owns it
};

}  // namespace hallway::detail
