// SPDX-License-Identifier: Apache-2.0
#include "hub/quotas.hpp"

namespace hallway::hub {

Account* Quotas::admit(std::uint32_t uid) {
  Account& account = accounts_.try_emplace(uid, uid, limits_).first->second;
  if (account.take(Quota::connections)) return &account;
  if (account.taken(Quota::connections) == 0) accounts_.erase(uid);  // nobody may have any
  return nullptr;
}

void Quotas::leave(Account& account) noexcept {
  account.give_back(Quota::connections);
  if (account.taken(Quota::connections) > 0) return;
  assert(account.taken(Quota::subscriptions) == 0 && account.taken(Quota::bytes_pending) == 0);
  accounts_.erase(account.uid());
}

}  // namespace hallway::hub
