// SPDX-License-Identifier: Apache-2.0
//
// A shard of a server: the connections of one loop, their handlers, and the broadcasts to them. A
// server has one shard on its own loop and, if it has more loops, one on each of the others.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include <hallway/server_event.hpp>

#include "core/accounts.hpp"
#include "loop/loop_core.hpp"
#include "loop/task_group.hpp"
#include "message/connection/broadcast_batch.hpp"
#include "message/connection/connection_state.hpp"
#include "message/server/broadcast_relay.hpp"
#include "message/server/event_reporter.hpp"

namespace hallway::message {

/// A client that was admitted, on its way to a shard.
struct AcceptedSocket {
  Descriptor socket;
  Peer peer;
  std::uint64_t number;
  core::Slot slot;
};

class Shard : private detail::Flushable {
 public:
  /// All borrowed objects must outlive the shard. `relay` is null if there is no other shard.
  /// @param return_slot  gets the slot of each connection that has ended, to give it back on the
  ///                     server's loop; empty if that is the shard's loop
  Shard(Loop& loop, const ConnectionHandler& handler, const EventReporter& events,
        std::shared_ptr<const detail::ConnectionConfig> config,
        std::shared_ptr<core::Accounts> accounts, BroadcastRelay* relay,
        std::function<void(core::Slot)> return_slot = {});
  Shard(const Shard&) = delete;
  Shard& operator=(const Shard&) = delete;
  /// As close(). On the server's loop, because each slot is given back directly from then on. All
  /// functions below are for the shard's loop.
  ~Shard() override;

  /// Makes a connection of the socket and starts its handler. The outcome is reported as an event.
  void add(AcceptedSocket accepted) noexcept;

  /// The number of its clients whose slots are taken.
  [[nodiscard]] std::size_t slots() const noexcept { return registry_->slots; }

  /// Removes the entries of ended connections if they are many. Useful before connections are
  /// added.
  void tidy() noexcept;

  /// See Connection::broadcast().
  [[nodiscard]] Task<> broadcast(ByteView message, const detail::ConnectionState* except = nullptr);

  /// The same immediately, if that takes no more than appending to the previous broadcast of this
  /// turn. Most broadcasts of a busy turn are sent this way.
  /// @return false if the message was not broadcast
  bool broadcast_batched(ByteView message, const detail::ConnectionState* except);

  /// Moves what was broadcast so far to the queues of the connections.
  void settle_broadcasts() noexcept;

  /// Lets each handler finish with what has arrived.
  void drain() noexcept;

  /// Destroys handlers where they are suspended, and closes connections. No event is reported.
  void close() noexcept;

 private:
  class ServedConnection;
  class RelayQueue;

  /// The connections of the shard. Outlives the shard while a connection still writes its last
  /// bytes.
  struct Registry {
    struct Entry {
      detail::ConnectionState* state;  // null: gone
      ServedConnection* served;        // knows the index of its entry
    };

    void give_back(core::Slot slot) const noexcept {
      if (return_slot) return_slot(std::move(slot));  // otherwise the slot is given back here
    }

    Shard* shard;  // null once it is closed
    std::shared_ptr<core::Accounts> accounts;
    std::function<void(core::Slot)> return_slot;
    std::vector<Entry> entries = {};
    std::size_t gone = 0;   // number of cleared entries
    std::size_t slots = 0;  // see Shard::slots()
  };

  Result<Connection> open_connection(const std::shared_ptr<ServedConnection>& served,
                                     Descriptor socket, const Peer& peer);
  static detail::TaskGroup::Spawned serve(detail::TaskGroup& tasks, Connection connection,
                                          std::shared_ptr<ServedConnection> served);

  [[nodiscard]] bool blocked(const detail::ConnectionState* except) const;
  [[nodiscard]] std::size_t written_size(ByteView message, Framing framing) const noexcept;
  void deliver(ByteView message, const detail::ConnectionState* except);
  void deliver_apart(detail::ConnectionState& state, ByteView message) noexcept;
  template <typename Visit>
  void walk(Visit visit, const detail::ConnectionState* except);
  void deliver_relayed();
  void room_made();
  detail::SharedBytes share(ByteView message, Framing framing);
  void flush_turn() override { settle_broadcasts(); }

  Loop& loop_;
  const ConnectionHandler& handler_;
  const EventReporter& events_;
  const std::shared_ptr<const detail::ConnectionConfig> config_;
  const std::shared_ptr<Registry> registry_;
  bool draining_ = false;
  bool broadcasting_ = false;  // a broadcast iterates over the registry
  detail::BroadcastBatch batch_;
  // Whether messages may join the one that is being delivered. Not if the program has used one of
  // the connections meanwhile: that connection would not know that more is to be settled.
  bool may_hold_ = false;
  const detail::ConnectionState* batch_except_ = nullptr;  // the only one that does not get it
  detail::WaiterList broadcasters_;
  std::unique_ptr<RelayQueue> relay_queue_;  // what other shards broadcast
  detail::TaskGroup tasks_{loop_.core(), detail::TaskGroup::Report::tasks};  // last: handlers refer
                                                                             // to all above
};

}  // namespace hallway::message
