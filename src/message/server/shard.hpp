// SPDX-License-Identifier: Apache-2.0
//
// A shard of a server: the connections of one loop, their handlers, and the broadcasts to them. A
// server has one shard on its own loop and, if it has more loops, one on each of the others.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <hallway/server.hpp>

#include "core/accounts.hpp"
#include "core/chunk.hpp"
#include "loop/loop_core.hpp"
#include "loop/task_group.hpp"
#include "message/connection/connection_state.hpp"
#include "message/server/broadcast_relay.hpp"

namespace hallway::message {

/// What a shard reports to its server.
class ShardDelegate {
 public:
  /// Called on the server's loop. If it throws std::bad_alloc, the slot is not taken.
  virtual void acquire_slot(core::Account& account) = 0;
  /// Called on the shard's loop, like report().
  virtual void release_slot(core::Account& account) noexcept = 0;
  virtual void report(ServerEvent::Kind kind, std::uint64_t connection, const Peer& peer,
                      std::string reason, const Counters& counters) noexcept = 0;

 protected:
  ~ShardDelegate() = default;
};

class Shard : private detail::Flushable {
 public:
  class Slot;

  /// A client that was admitted, on its way to the shard.
  struct AcceptedSocket {
    Descriptor socket;
    std::shared_ptr<Slot> slot;
  };

  /// All borrowed objects must outlive the shard. `relay` is null if there is no other shard.
  Shard(Loop& loop, ShardDelegate& delegate, const Server::Handler& handler,
        std::shared_ptr<const detail::ConnectionConfig> config,
        std::shared_ptr<core::Accounts> accounts, BroadcastRelay* relay);
  Shard(const Shard&) = delete;
  Shard& operator=(const Shard&) = delete;
  ~Shard() override;  ///< as close()

  /// Makes a slot for a client that was just accepted and is in this account. Called on the
  /// server's loop; all functions below are for the shard's loop.
  [[nodiscard]] std::shared_ptr<Slot> make_slot(std::uint64_t number, const Peer& peer,
                                                core::Account& account) const;

  /// Makes a connection of the socket and starts its handler. The outcome is reported to the
  /// delegate.
  void add_connection(AcceptedSocket accepted) noexcept;

  /// Removes the entries of ended connections if they are many. Useful before connections are
  /// added.
  void tidy() noexcept;

  /// See Connection::broadcast().
  [[nodiscard]] Task<> broadcast(ByteView message, const detail::ConnectionState* except = nullptr);

  /// The same immediately, if that takes no more than appending to the previous broadcast of this
  /// turn. Most broadcasts of a busy turn are sent this way.
  /// @return false if the message was not broadcast
  bool broadcast_batched(ByteView message, const detail::ConnectionState* except);

  /// Puts what was broadcast so far into the queues.
  void settle_broadcasts() noexcept;

  /// Lets each handler finish with what has arrived.
  void drain() noexcept;

  /// Destroys handlers where they are suspended, and closes connections. Nothing is reported to the
  /// delegate.
  void close() noexcept;

 private:
  class RelayQueue;

  /// The connections of the shard. Outlives the shard while a connection still writes its last
  /// bytes.
  struct Registry {
    struct Entry {
      detail::ConnectionState* state;  // null: gone
      Slot* slot;                      // knows the index of its entry
    };
    Shard* shard;  // null once it is closed
    std::shared_ptr<core::Accounts> accounts;
    std::vector<Entry> entries = {};
    std::size_t gone = 0;  // number of cleared entries
  };

  void open_connection(const std::shared_ptr<Slot>& slot, Descriptor socket, bool& connected);
  static detail::TaskGroup::Spawned serve(detail::TaskGroup& tasks, Connection connection,
                                          std::shared_ptr<Slot> slot);
  void handler_threw(const Slot& slot, std::string what);

  [[nodiscard]] bool blocked(const detail::ConnectionState* except) const;
  void reserve(ByteView message);
  void deliver(ByteView message, const detail::ConnectionState* except);
  void deliver_apart(detail::ConnectionState& state, ByteView message) noexcept;
  template <typename Visit>
  void walk(Visit visit, const detail::ConnectionState* except);
  void deliver_relayed();
  void room_made();
  detail::SharedBytes share(ByteView message, Framing framing);
  void flush_turn() override { settle_broadcasts(); }

  Loop& loop_;
  ShardDelegate& delegate_;
  const Server::Handler& handler_;
  const std::shared_ptr<const detail::ConnectionConfig> config_;
  const std::shared_ptr<Registry> registry_;
  bool draining_ = false;
  bool broadcasting_ = false;  // a broadcast iterates over the registry
  core::Chunk shared_;         // where broadcasts are written, one after the other
  std::size_t shared_used_ = 0;
  // Consecutive broadcasts that lie one after the other in shared_ and go to the same connections
  // are put into their queues as one range. `batch_` is that range; the queues end where it begins.
  detail::SharedBytes batch_;
  const detail::ConnectionState* batch_except_ = nullptr;
  bool batching_ = false;
  detail::WaiterList broadcasters_;
  std::unique_ptr<RelayQueue> relay_queue_;  // what other shards broadcast
  detail::TaskGroup tasks_;                  // last: handlers refer to everything above
};

}  // namespace hallway::message
