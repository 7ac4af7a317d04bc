// SPDX-License-Identifier: Apache-2.0
//
// All floors of a server: the ground floor on the server's own loop, and those above it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include <hallway/server.hpp>

#include "message/exchange.hpp"
#include "message/floor.hpp"
#include "message/upper_floor.hpp"

namespace hallway::message {

class Floors {
 public:
  /// Everything borrowed outlives the floors.
  Floors(Loop& loop, UpperFrontDesk& desk, const Server::Handler& handler)
      : loop_(loop), desk_(desk), handler_(handler) {}
  Floors(const Floors&) = delete;
  Floors& operator=(const Floors&) = delete;
  ~Floors() { close(); }

  /// One for each of `loops`; before anything else.
  /// @errors invalid_argument: none; and those of UpperFloor::start()
  Result<void> open(std::size_t loops, const std::shared_ptr<const detail::Terms>& terms,
                    const std::shared_ptr<core::Accounts>& accounts);

  /// Somebody who was let in, and where to.
  struct Guest {
    Floor::Guest guest;
    UpperFloor* upper;  // null: the ground floor
  };
  /// Takes a place on the floor with the fewest, among equals on each in turn.
  /// @param taken  how many are, on all of them
  [[nodiscard]] Guest let_in(std::uint64_t number, const Peer& peer, core::Account& account,
                             Descriptor socket, std::size_t taken);
  /// Where it throws, nobody was told of the guest.
  void seat(Guest guest);

  void tidy() { ground_->tidy(); }
  [[nodiscard]] Task<> broadcast(ByteView message) { return ground_->broadcast(message); }
  void drain() noexcept;

  /// Nobody is left: ends the threads when the tasks on their loops have ended.
  /// @return whether there is none any more; if not, the desk hears of each that ends
  bool end() noexcept;

  /// Handlers and connections end at once, and so do the threads.
  void close() noexcept;

 private:
  [[nodiscard]] UpperFloor* next_floor(std::size_t taken) noexcept;

  Loop& loop_;
  UpperFrontDesk& desk_;
  const Server::Handler& handler_;
  std::unique_ptr<Exchange> exchange_;  // where there is more than one
  std::optional<Floor> ground_;
  std::vector<std::unique_ptr<UpperFloor>> upper_;
  std::size_t last_ = 0;  // who was given a guest last: 0 is the ground floor
};

}  // namespace hallway::message
