// SPDX-License-Identifier: Apache-2.0
#include "core/accounts.hpp"

#include <algorithm>
#include <cassert>

namespace hallway::core {

namespace {

// One part in so many is reserved for root and our own uid.
constexpr std::size_t reserved_part = 8;

std::size_t less(std::size_t from, std::size_t what) noexcept {
  return from > what ? from - what : 0;
}

}  // namespace

std::size_t Account::share(Quota quota) const noexcept {
  const QuotaLimits& limits = accounts_.limits_[place(quota)];
  const std::size_t others = less(accounts_.taken(quota), taken(quota));
  const std::size_t left = less(limits.all, others);
  const std::size_t least = may_exceed_share(quota) ? limits.least : 0;
  if (trusted_) return std::min(limits.per_uid, std::max(least, left));
  const std::size_t free = less(left, limits.all / reserved_part);
  const std::size_t uids = accounts_.untrusted_.load(std::memory_order_relaxed);
  // Where few are free, one is still one.
  const std::size_t shared = std::max<std::size_t>(free / (uids + 1), free > 0 ? 1 : 0);
  return std::min(limits.per_uid, std::max(least, shared));
}

bool Account::may_exceed_share(Quota quota) const noexcept {
  const QuotaLimits& limits = accounts_.limits_[place(quota)];
  return less(accounts_.taken(quota), limits.all) < limits.all / reserved_part;
}

void Account::add(Quota quota, std::size_t amount) noexcept {
  taken_[place(quota)].fetch_add(amount, std::memory_order_relaxed);
  accounts_.taken_[place(quota)].fetch_add(amount, std::memory_order_relaxed);
}

void Account::give_back(Quota quota, std::size_t amount) noexcept {
  assert(taken(quota) >= amount);
  taken_[place(quota)].fetch_sub(amount, std::memory_order_relaxed);
  accounts_.taken_[place(quota)].fetch_sub(amount, std::memory_order_relaxed);
}

Account* Accounts::admit(std::uint32_t uid, bool trusted) {
  const auto [place, is_new] = accounts_.try_emplace(uid, *this, uid, trusted);
  Account& account = place->second;
  if (is_new && !trusted) untrusted_.fetch_add(1, std::memory_order_relaxed);
  if (account.take(Quota::connections)) return &account;
  if (is_new) {
    if (!trusted) untrusted_.fetch_sub(1, std::memory_order_relaxed);
    accounts_.erase(place);  // nobody may have any
  }
  return nullptr;
}

void Accounts::leave(Account& account) noexcept {
  account.give_back(Quota::connections);
  if (account.taken(Quota::connections) > 0) return;
  assert(account.taken(Quota::memory) == 0 && account.taken(Quota::send_buffers) == 0);
  if (!account.trusted()) untrusted_.fetch_sub(1, std::memory_order_relaxed);
  accounts_.erase(account.uid());
}

}  // namespace hallway::core
