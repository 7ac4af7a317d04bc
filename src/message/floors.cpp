// SPDX-License-Identifier: Apache-2.0
#include "message/floors.hpp"

#include <cerrno>
#include <utility>

#include "sys/expected.hpp"

namespace hallway::message {

Result<void> Floors::open(std::size_t loops, const std::shared_ptr<const detail::Terms>& terms,
                          const std::shared_ptr<core::Accounts>& accounts) {
  if (loops == 0) return sys::failure(EINVAL, "serve on", "0 loops", "one is the fewest");
  if (loops > 1) exchange_ = std::make_unique<Exchange>(terms->options.limits.outbound_soft);
  ground_.emplace(loop_, desk_, handler_, terms, accounts, exchange_.get());
  while (upper_.size() + 1 < loops) {
    upper_.push_back(
        std::make_unique<UpperFloor>(loop_, desk_, handler_, terms, accounts, *exchange_));
    if (auto started = upper_.back()->start(); !started) return started;
  }
  return {};
}

Floors::Guest Floors::let_in(std::uint64_t number, const Peer& peer, core::Account& account,
                             Descriptor socket, std::size_t taken) {
  UpperFloor* upper = next_floor(taken);
  auto place = upper == nullptr ? ground_->place(number, peer, account)
                                : upper->place(number, peer, account);
  return {{std::move(socket), std::move(place)}, upper};
}

UpperFloor* Floors::next_floor(std::size_t taken) noexcept {
  std::size_t on_ground = taken;
  for (const auto& upper : upper_) on_ground -= upper->places();

  std::size_t next = 0;
  std::size_t fewest = SIZE_MAX;
  for (std::size_t i = 1; i <= upper_.size() + 1; ++i) {
    const std::size_t floor = (last_ + i) % (upper_.size() + 1);
    if (floor > 0 && upper_[floor - 1]->ended()) continue;
    const std::size_t places = floor == 0 ? on_ground : upper_[floor - 1]->places();
    if (places >= fewest) continue;
    next = floor;
    fewest = places;
  }
  last_ = next;
  return next == 0 ? nullptr : upper_[next - 1].get();
}

void Floors::seat(Guest guest) {
  if (guest.upper == nullptr) {
    ground_->seat(std::move(guest.guest));
  } else {
    guest.upper->seat(std::move(guest.guest));
  }
}

void Floors::drain() noexcept {
  for (const auto& upper : upper_) upper->drain();
  ground_->drain();
}

bool Floors::end() noexcept {
  bool all_ended = true;
  for (const auto& upper : upper_) {
    if (upper->ended()) continue;
    upper->end();
    all_ended = false;
  }
  return all_ended;
}

void Floors::close() noexcept {
  for (const auto& upper : upper_) upper->stop();
  if (ground_) ground_->close();
  upper_.clear();
}

}  // namespace hallway::message
