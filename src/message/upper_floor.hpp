// SPDX-License-Identifier: Apache-2.0
//
// A floor on a thread of its own, seen from its server's loop: what goes up to it is an order, what
// comes down is news. Both are kept under one lock, and fetched by an errand of the other loop.
#pragma once

#include <cstdint>
#include <exception>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include <hallway/loop.hpp>
#include <hallway/server.hpp>

#include "loop/loop_core.hpp"
#include "message/floor.hpp"

namespace hallway::message {

/// What an upper floor tells its server besides.
class UpperFrontDesk : public FrontDesk {
 public:
  /// Thread: any.
  [[nodiscard]] virtual bool wants_events() const noexcept = 0;
  /// Its thread has ended.
  virtual void floor_ended() = 0;

 protected:
  ~UpperFrontDesk() = default;
};

/// Unless said otherwise, functions are for the server's loop.
class UpperFloor final : private FrontDesk {
 public:
  UpperFloor(Loop& server_loop, UpperFrontDesk& server, const Server::Handler& handler,
             std::shared_ptr<const detail::Terms> terms, std::shared_ptr<core::Accounts> accounts,
             Exchange& exchange);
  UpperFloor(const UpperFloor&) = delete;
  UpperFloor& operator=(const UpperFloor&) = delete;
  /// Waits for the thread. Connections with bytes to write go on at the server's loop.
  ~UpperFloor();

  /// @errors of the loop; resource_unavailable_try_again: no more threads are to be had
  Result<void> start();

  [[nodiscard]] std::shared_ptr<Floor::Place> place(std::uint64_t number, const Peer& peer,
                                                    core::Account& account) const {
    return floor_.place(number, peer, account);
  }
  void seat(Floor::Guest guest);
  void drain() noexcept;
  /// When nobody is left on it: the thread ends when the tasks on its loop have.
  void end() noexcept;
  /// The thread ends as soon as it hears of it, whoever is there.
  void stop() noexcept;

  [[nodiscard]] std::size_t places() const noexcept { return places_; }
  [[nodiscard]] bool ended() const noexcept { return ended_; }

 private:
  /// An errand that calls a function of the floor's.
  class Messenger final : public detail::AsyncWakeup {
   public:
    Messenger(Loop& loop, UpperFloor& floor, void (UpperFloor::*deliver)())
        : AsyncWakeup(loop.core()), floor_(floor), deliver_(deliver) {}

   private:
    void run() override { (floor_.*deliver_)(); }

    UpperFloor& floor_;
    void (UpperFloor::*deliver_)();
  };

  struct Orders {
    std::vector<Floor::Guest> guests;
    bool drain = false;
    bool end = false;
    bool stop = false;
  };

  struct News {
    std::vector<ServerEvent> events;
    std::optional<int> stopped;  // somebody called stop() on its loop, with this status
    bool drains = false;         // somebody called drain() on its loop
    bool ended = false;
    std::exception_ptr failure;  // that left its loop
  };

  // On the server's loop.
  void take_place(core::Account& account) override;
  void order(bool Orders::* what) noexcept;
  void tell_news();

  // On the floor's.
  void free_place(core::Account& account) noexcept override;
  void report(ServerEvent::Kind kind, std::uint64_t connection, const Peer& peer,
              std::string reason, const Counters& counters) noexcept override;
  void run() noexcept;
  void take_orders();
  void note_drain() noexcept;
  template <typename Change>
  void send_news(Change change) noexcept;

  Loop& server_loop_;
  UpperFrontDesk& server_;
  std::size_t places_ = 0;
  bool ended_ = false;

  // On the floor's thread, while that runs.
  Loop loop_;
  Floor floor_;
  bool told_to_drain_ = false;
  bool leaving_ = false;

  std::mutex mutex_;
  Orders orders_;
  News news_;
  std::vector<core::Account*> freed_;         // of places; with room for all that are taken
  std::vector<core::Account*> freed_before_;  // on the server's loop
  Messenger up_;
  Messenger down_;
  std::thread thread_;
};

}  // namespace hallway::message
