// SPDX-License-Identifier: Apache-2.0
//
// What the processes of one user may take up in the hub together, so that none of them can leave
// nothing for the others.
#pragma once

#include <array>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <unordered_map>

#include <hallway/limits.hpp>

namespace hallway::hub {

enum class Quota : std::uint8_t { connections, subscriptions, bytes_pending };

/// What one uid takes up.
class Account {
 public:
  Account(std::uint32_t uid, const HubLimits& limits) noexcept
      : uid_(uid),
        limits_{limits.connections_per_uid, limits.subscriptions_per_uid, limits.pending_per_uid} {}
  Account(const Account&) = delete;
  Account& operator=(const Account&) = delete;

  [[nodiscard]] std::uint32_t uid() const noexcept { return uid_; }
  [[nodiscard]] std::size_t taken(Quota quota) const noexcept { return taken_[place(quota)]; }

  /// Whether anything is left once another `besides` is taken.
  [[nodiscard]] bool has_left(Quota quota, std::size_t besides = 0) const noexcept {
    return taken(quota) + besides < limits_[place(quota)];
  }

  /// Takes `amount` if there is anything left. The last one may go over the limit, so that a
  /// message of any size gets through.
  [[nodiscard]] bool take(Quota quota, std::size_t amount = 1) noexcept {
    if (!has_left(quota)) return false;
    taken_[place(quota)] += amount;
    return true;
  }

  /// Precondition: it was taken.
  void give_back(Quota quota, std::size_t amount = 1) noexcept {
    assert(taken(quota) >= amount);
    taken_[place(quota)] -= amount;
  }

 private:
  static constexpr std::size_t place(Quota quota) noexcept {
    return static_cast<std::size_t>(quota);
  }

  std::uint32_t uid_;
  std::array<std::size_t, 3> limits_;
  std::array<std::size_t, 3> taken_{};
};

/// The accounts of those who are there.
class Quotas {
 public:
  explicit Quotas(const HubLimits& limits) noexcept : limits_(limits) {}

  /// The account for one more connection of `uid`, good until that leaves; nullptr where it has as
  /// many as it may.
  [[nodiscard]] Account* admit(std::uint32_t uid);

  /// A connection goes. Precondition: all else that it took is given back.
  void leave(Account& account) noexcept;

  [[nodiscard]] std::size_t accounts() const noexcept { return accounts_.size(); }

 private:
  HubLimits limits_;
  std::unordered_map<std::uint32_t, Account> accounts_;
};

}  // namespace hallway::hub
