// SPDX-License-Identifier: Apache-2.0
//
// The users of a hub, and whose turn it is: the time of the loop is shared out among them. In each
// turn of the loop the sessions of one user have Users::turn_share together. When that is used up,
// those that still have something to do wait for the next turn, in which they go on in the order
// they came. So however many connections a user has, and whatever is said on them, the others wait
// for one share of his.
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

/// What the sessions of one user have and have had, together.
class User {
 public:
  User(core::Account& account, std::size_t most_subscriptions) noexcept
      : account_(account), most_subscriptions_(most_subscriptions) {}
  User(const User&) = delete;
  User& operator=(const User&) = delete;

  [[nodiscard]] core::Account& account() const noexcept { return account_; }

  [[nodiscard]] std::size_t subscriptions() const noexcept { return subscriptions_; }
  /// Whether another subscription may be had, and memory for it is left.
  [[nodiscard]] bool may_subscribe() const noexcept {
    return subscriptions_ < most_subscriptions_ && account_.has_left(core::Quota::memory);
  }
  void add_subscription() noexcept { ++subscriptions_; }
  void drop_subscription() noexcept { --subscriptions_; }

  /// Whether a client may finish a large message although the share of the user is used up, by
  /// subscriptions or by the beginnings of other messages: only where no other one is being
  /// finished, which would give back what it takes.
  [[nodiscard]] bool may_exceed_share() const noexcept {
    return finishing_ == 0 && account_.may_exceed_share(core::Quota::memory);
  }
  void begin_finishing() noexcept { ++finishing_; }
  void end_finishing() noexcept { --finishing_; }

  [[nodiscard]] Duration loop_time() const noexcept { return loop_time_; }
  /// How often one of its sessions waited, for a turn, for a reader or for memory.
  [[nodiscard]] std::uint64_t held_back() const noexcept { return held_back_; }
  void count_held_back() noexcept { ++held_back_; }

  /// One of its subscribers took less than the least rate while a publisher waited for it. Until
  /// then none of them holds back publishers of other users: else each could do so in its turn.
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
  Duration loop_time_{};
  Duration in_turn_{};  // of the turn that began at turn_
  Loop::Clock::time_point turn_;
  std::uint64_t held_back_ = 0;
  Loop::Clock::time_point slow_until_;
  detail::WaiterList waiting_;        // for the next turn: those who had nothing in this one
  detail::WaiterList waiting_again_;  // and those who had some of it
};

class Users final : private detail::Flushable {
 public:
  /// Most time that the sessions of one user have in a turn. What one operation causes is done at
  /// once, and may take longer.
  static constexpr Duration turn_share = std::chrono::milliseconds(2);

  /// @param core  outlives it
  Users(detail::LoopCore& core, std::size_t most_subscriptions) noexcept
      : core_(core), most_subscriptions_(most_subscriptions) {}
  Users(const Users&) = delete;
  Users& operator=(const Users&) = delete;
  ~Users() override { detail::LoopCore::cancel_flush(*this); }

  /// A session of a user, from its beginning to its end.
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

  /// A session begins to do something, of which note() then says whose it was.
  void begin() noexcept {
    noted_ = core_.several_fds_active() ? Loop::Clock::now() : std::max(noted_, core_.now());
  }
  void note(User& user) noexcept;

  /// Whether its share of this turn is used up.
  [[nodiscard]] bool over(const User& user) const noexcept {
    return user.turn_ == core_.now() && user.in_turn_ >= turn_share;
  }

  /// Until the next turn. @param had_some  whether the session had some of this one
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
  Loop::Clock::time_point noted_;  // the beginning of the time that is in no account yet
};

}  // namespace hallway::hub
