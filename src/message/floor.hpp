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
#include "message/connection_state.hpp"
#include "message/exchange.hpp"

namespace hallway::message {

/// What a floor tells its server.
class FrontDesk {
 public:
  /// Called on the server's loop. std::bad_alloc: the place is not taken.
  virtual void take_place(core::Account& account) = 0;
  /// Called on the floor's loop, as report() is.
  virtual void free_place(core::Account& account) noexcept = 0;
  virtual void report(ServerEvent::Kind kind, std::uint64_t connection, const Peer& peer,
                      std::string reason, const Counters& counters) noexcept = 0;

 protected:
  ~FrontDesk() = default;
};

class Floor : private detail::Flushable {
 public:
  class Place;

  /// Somebody who was let in, on the way to the floor.
  struct Guest {
    Descriptor socket;
    std::shared_ptr<Place> place;
  };

  /// Everything borrowed outlives the floor. `exchange` is null where there is no other floor.
  Floor(Loop& loop, FrontDesk& desk, const Server::Handler& handler,
        std::shared_ptr<const detail::Terms> terms, std::shared_ptr<core::Accounts> accounts,
        Exchange* exchange);
  Floor(const Floor&) = delete;
  Floor& operator=(const Floor&) = delete;
  ~Floor() override;  ///< as close()

  /// A place for somebody who was just accepted, and is in this account. On the server's loop;
  /// everything else below is for the floor's.
  [[nodiscard]] std::shared_ptr<Place> place(std::uint64_t number, const Peer& peer,
                                             core::Account& account) const;

  /// Makes a connection of the guest and starts its handler. The desk hears how that went.
  void seat(Guest guest) noexcept;

  /// Forgets those who have gone, once they are many; worth it before some are seated.
  void tidy() noexcept;

  /// See Connection::broadcast().
  [[nodiscard]] Task<> broadcast(ByteView message, const detail::ConnectionState* except = nullptr);

  /// The same right now, if it takes no more than adding to what was broadcast before it in this
  /// turn. Most broadcasts of a busy turn are this.
  bool broadcast_along(ByteView message, const detail::ConnectionState* except);

  /// Puts what was broadcast so far into the queues.
  void settle_broadcasts() noexcept;

  /// Each handler finishes with what has arrived.
  void drain() noexcept;

  /// Handlers are destroyed where they are suspended, and connections closed. The desk hears
  /// nothing of it.
  void close() noexcept;

 private:
  class Inbox;

  /// Who is there. Outlives the floor where a connection still writes its last bytes.
  struct Book {
    struct Line {
      detail::ConnectionState* state;  // null: gone
      Place* place;                    // knows which line is its own
    };
    Floor* floor;  // null once it is closed
    std::shared_ptr<core::Accounts> accounts;
    std::vector<Line> lines = {};
    std::size_t gone = 0;  // of the lines
  };

  void seat_at(const std::shared_ptr<Place>& place, Descriptor socket, bool& connected);
  static detail::TaskGroup::Spawned serve(detail::TaskGroup& tasks, Connection connection,
                                          std::shared_ptr<Place> place);
  void handler_threw(const Place& place, std::string what);

  [[nodiscard]] bool blocked(const detail::ConnectionState* except) const;
  void reserve(ByteView message);
  void deliver(ByteView message, const detail::ConnectionState* except);
  void deliver_apart(detail::ConnectionState& state, ByteView message) noexcept;
  template <typename Visit>
  void walk(Visit visit, const detail::ConnectionState* except);
  void deliver_inbox();
  void room_made();
  detail::SharedFrame share(ByteView message, Framing framing);
  void flush_turn() override { settle_broadcasts(); }

  Loop& loop_;
  FrontDesk& desk_;
  const Server::Handler& handler_;
  const std::shared_ptr<const detail::Terms> terms_;
  const std::shared_ptr<Book> book_;
  bool draining_ = false;
  bool broadcasting_ = false;  // somebody walks over the book
  core::Chunk shared_;         // where broadcasts are written, one after the other
  std::size_t shared_used_ = 0;
  // Broadcasts that follow each other in shared_ and go to the same connections are put into their
  // queues as one range. `along_` is that range; the queues end where it begins.
  detail::SharedFrame along_;
  const detail::ConnectionState* along_except_ = nullptr;
  bool taking_along_ = false;
  detail::WaiterList broadcasters_;
  std::unique_ptr<Inbox> inbox_;  // what other floors broadcast
  detail::TaskGroup tasks_;       // last: handlers refer to everything above
};

}  // namespace hallway::message
