// SPDX-License-Identifier: Apache-2.0
#include "hub/server/users.hpp"

#include <utility>

namespace hallway::hub {

User& Users::join(core::Account& account) {
  User& user = users_.try_emplace(account.uid(), account, most_subscriptions_).first->second;
  ++user.clients_;
  return user;
}

void Users::leave(User& user) noexcept {
  if (--user.clients_ == 0) users_.erase(user.account_.uid());
}

void Users::note(User& user) noexcept {
  const auto now = Loop::Clock::now();
  const Duration took = now - std::exchange(noted_, now);
  if (user.turn_ != core_.now()) {
    user.turn_ = core_.now();
    user.in_turn_ = {};
  }
  user.in_turn_ += took;
  user.loop_time_ += took;
}

detail::TimedWait Users::next_turn(User& user, bool had_some) {
  user.count_held_back();
  core_.schedule_flush(*this);
  return {core_, had_some ? user.waiting_again_ : user.waiting_};
}

/// Called at the end of a turn: resumes all waiting client connections in the next one. Those that
/// find its share used up wait again, and are then resumed before those that have run in it.
void Users::flush_turn() {
  for (auto& [uid, user] : users_) {
    detail::wake_all(core_, user.waiting_);
    detail::wake_all(core_, user.waiting_again_);
  }
}

}  // namespace hallway::hub
