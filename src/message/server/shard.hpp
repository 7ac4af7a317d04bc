// SPDX-License-Identifier: Apache-2.0
//
// A floor of a server: those of its connections that live on one loop, their handlers, and what is
// broadcast to them. A server has one on its own loop and, where it has more loops, others above.
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

/// What a floor tells its server.
class ShardDelegate {
 public:
  /// Called on the server's loop. std::bad_alloc: the place is not taken.
  virtual void acquire_slot(core::Account& account) = 0;
  /// Called on the floor's loop, as report() is.
  virtual void release_slot(core::Account& account) noexcept = 0;
  virtual void report(ServerEvent::Kind kind, std::uint64_t connection, const Peer& peer,
                      std::string reason, const Counters& counters) noexcept = 0;

 protected:
  ~ShardDelegate() = default;
};

class Shard : private detail::Flushable {
 public:
  class Slot;

  /// Somebody who was let in, on the way to the floor.
  struct AcceptedSocket {
    Descriptor socket;
    std::shared_ptr<Slot> slot;
  };

  /// Everything borrowed outlives the floor. `exchange` is null where there is no other floor.
  Shard(Loop& loop, ShardDelegate& delegate, const Server::Handler& handler,
        std::shared_ptr<const detail::ConnectionConfig> config,
        std::shared_ptr<core::Accounts> accounts, BroadcastRelay* relay);
  Shard(const Shard&) = delete;
  Shard& operator=(const Shard&) = delete;
  ~Shard() override;  ///< as close()

  /// A place for somebody who was just accepted, and is in this account. On the server's loop;
  /// everything else below is for the floor's.
  [[nodiscard]] std::shared_ptr<Slot> make_slot(std::uint64_t number, const Peer& peer,
                                                core::Account& account) const;

  /// Makes a connection of the guest and starts its handler. The desk hears how that went.
  void add_connection(AcceptedSocket accepted) noexcept;

  /// Forgets those who have gone, once they are many; worth it before some are seated.
  void tidy() noexcept;

  /// See Connection::broadcast().
  [[nodiscard]] Task<> broadcast(ByteView message, const detail::ConnectionState* except = nullptr);

  /// The same right now, if it takes no more than adding to what was broadcast before it in this
  /// turn. Most broadcasts of a busy turn are this.
  bool broadcast_batched(ByteView message, const detail::ConnectionState* except);

  /// Puts what was broadcast so far into the queues.
  void settle_broadcasts() noexcept;

  /// Each handler finishes with what has arrived.
  void drain() noexcept;

  /// Handlers are destroyed where they are suspended, and connections closed. The desk hears
  /// nothing of it.
  void close() noexcept;

 private:
  class RelayQueue;

  /// Who is there. Outlives the floor where a connection still writes its last bytes.
  struct Registry {
    struct Entry {
      detail::ConnectionState* state;  // null: gone
      Slot* slot;                      // knows which line is its own
    };
    Shard* shard;  // null once it is closed
    std::shared_ptr<core::Accounts> accounts;
    std::vector<Entry> entries = {};
    std::size_t gone = 0;  // of the lines
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
  bool broadcasting_ = false;  // somebody walks over the book
  core::Chunk shared_;         // where broadcasts are written, one after the other
  std::size_t shared_used_ = 0;
  // Broadcasts that follow each other in shared_ and go to the same connections are put into their
  // queues as one range. `batch_` is that range; the queues end where it begins.
  detail::SharedBytes batch_;
  const detail::ConnectionState* batch_except_ = nullptr;
  bool batching_ = false;
  detail::WaiterList broadcasters_;
  std::unique_ptr<RelayQueue> relay_queue_;  // what other floors broadcast
  detail::TaskGroup tasks_;                  // last: handlers refer to everything above
};

}  // namespace hallway::message
