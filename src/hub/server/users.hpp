// SPDX-License-Identifier: Apache-2.0
//
// The users of a hub, and how the time of the loop is divided among them. In each turn of the loop,
// the client connections of one user together have Users::turn_share. When that is used up, those
// with work left wait for the next turn, in which they continue in the order in which they began to
// wait. So other users wait for at most one share of a user, no matter how many connections it has
// and what they send.
//
//     while (users.over(user)) co_await users.next_turn(user, false);
//     users.begin();
//     ...                                              // a piece of work
//     users.note(user);
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>

#include <hallway/limits.hpp>
#include <hallway/loop.hpp>

#include "core/accounts.hpp"
#include "loop/loop_core.hpp"
#include "loop/timed_wait.hpp"

namespace hallway::hub {

/// The resources and statistics of all client connections of one user together.
class User {
 public:
  User(core::Account& account, std::size_t most_subscriptions) noexcept
      : account_(account), most_subscriptions_(most_subscriptions) {}
  User(const User&) = delete;
  User& operator=(const User&) = delete;

  [[nodiscard]] core::Account& account() const noexcept { return account_; }

  [[nodiscard]] std::size_t subscriptions() const noexcept { return subscriptions_; }
  /// Whether the user may have another subscription, and has memory left for it.
  [[nodiscard]] bool may_subscribe() const noexcept {
    return subscriptions_ < most_subscriptions_ && account_.has_left(core::Quota::memory);
  }
  void add_subscription() noexcept { ++subscriptions_; }
  void drop_subscription() noexcept { --subscriptions_; }

  /// Whether a client may finish a large message although the user's share is used up, by
  /// subscriptions or by the beginnings of other messages. It may only if no other client is
  /// finishing one: that one will release its memory.
  [[nodiscard]] bool may_exceed_share() const noexcept {
    return finishing_ == 0 && account_.may_exceed_share(core::Quota::memory);
  }
  void begin_finishing() noexcept { ++finishing_; }
  void end_finishing() noexcept { --finishing_; }

  /// A client waits for memory as long as this exists.
  class MemoryWait {
   public:
    explicit MemoryWait(User& user) noexcept : user_(user) { ++user_.memory_waits_; }
    MemoryWait(const MemoryWait&) = delete;
    MemoryWait& operator=(const MemoryWait&) = delete;
    ~MemoryWait() { --user_.memory_waits_; }

   private:
    User& user_;
  };
  [[nodiscard]] bool waits_for_memory() const noexcept { return memory_waits_ > 0; }

  [[nodiscard]] Duration loop_time() const noexcept { return loop_time_; }
  /// How often one of its client connections waited: for a turn, for a subscriber or for memory.
  [[nodiscard]] std::uint64_t held_back() const noexcept { return held_back_; }
  void count_held_back() noexcept { ++held_back_; }

  /// One of its subscribers took less than HubLimits::min_rate while a publisher waited for it.
  /// Until the given time, none of its subscribers pauses publishers of other users. Otherwise its
  /// subscribers could pause them one after the other.
  void note_slow(Loop::Clock::time_point until) noexcept { slow_until_ = until; }
  [[nodiscard]] bool slow(Loop::Clock::time_point now) const noexcept {
    return now < slow_until_ && !account_.trusted();
  }

 private:
  friend class Users;

  core::Account& account_;
  const std::size_t most_subscriptions_;
  std::size_t clients_ = 0;
  std::size_t subscriptions_ = 0;
  std::size_t finishing_ = 0;  // clients that have memory for the rest of a large message
  std::size_t memory_waits_ = 0;
  Duration loop_time_{};
  Duration in_turn_{};  // used in the turn that began at turn_
  Loop::Clock::time_point turn_;
  std::uint64_t held_back_ = 0;
  Loop::Clock::time_point slow_until_;
  detail::WaiterList waiting_;        // for the next turn, without having run in this one
  detail::WaiterList waiting_again_;  // for the next turn, having run in this one
};

class Users final : private detail::Flushable {
 public:
  /// Maximum time of one user's client connections in a turn. A single operation is never
  /// interrupted and may take longer.
  static constexpr Duration turn_share = std::chrono::milliseconds(2);

  /// @param core  outlives it
  Users(detail::LoopCore& core, std::size_t most_subscriptions) noexcept
      : core_(core), most_subscriptions_(most_subscriptions) {}
  Users(const Users&) = delete;
  Users& operator=(const Users&) = delete;

  /// Counts a client connection of a user as long as it exists.
  class Membership {
   public:
    Membership(Users& users, core::Account& account) : users_(users), user_(users.join(account)) {}
    Membership(const Membership&) = delete;
    Membership& operator=(const Membership&) = delete;
    ~Membership() { users_.leave(user_); }

    [[nodiscard]] User& user() const noexcept { return user_; }

   private:
    Users& users_;
    User& user_;
  };

  /// A client connection starts work; note() then charges the time to its user.
  void begin() noexcept {
    noted_ = core_.several_fds_active() ? Loop::Clock::now() : std::max(noted_, core_.now());
  }
  void note(User& user) noexcept;

  /// Whether the user's share of this turn is used up.
  [[nodiscard]] bool over(const User& user) const noexcept {
    return user.turn_ == core_.now() && user.in_turn_ >= turn_share;
  }

  /// Waits for the next turn. @param had_some  whether the client connection has run in this one
  [[nodiscard]] detail::TimedWait next_turn(User& user, bool had_some);

  template <typename Visit>
  void for_each(Visit visit) const {
    for (const auto& [uid, user] : users_) visit(user);
  }

 private:
  [[nodiscard]] User& join(core::Account& account);
  void leave(User& user) noexcept;
  void flush_turn() override;

  detail::LoopCore& core_;
  const std::size_t most_subscriptions_;
  std::map<std::uint32_t, User> users_;
  Loop::Clock::time_point noted_;  // the beginning of the time that no user is charged with yet
};

}  // namespace hallway::hub
