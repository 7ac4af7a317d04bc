// SPDX-License-Identifier: Apache-2.0
#include "core/accounts.hpp"

#include <algorithm>
#include <cassert>

namespace hallway::core {

namespace {

// This part of the whole is reserved for root and our own uid.
constexpr std::size_t reserved_part = 8;

std::size_t less(std::size_t from, std::size_t what) noexcept {
  return from > what ? from - what : 0;
}

}  // namespace

std::size_t Account::share(Quota quota) const noexcept {
  const QuotaLimits& limits = accounts_.limits_[index(quota)];
  const std::size_t others = less(accounts_.used(quota), used(quota));
  const std::size_t left = less(limits.all, others);
  if (trusted_) return std::min(limits.per_uid, std::max(least(quota), left));
  const std::size_t free = less(left, limits.all / reserved_part);
  const std::size_t uids = accounts_.untrusted_.load(std::memory_order_relaxed);
  // The division must not round a small rest down to nothing.
  const std::size_t shared = std::max<std::size_t>(free / (uids + 1), free > 0 ? 1 : 0);
  return std::min(limits.per_uid, std::max(least(quota), shared));
}

std::size_t Account::least(Quota quota) const noexcept {
  const QuotaLimits& limits = accounts_.limits_[index(quota)];
  const std::size_t over = less(accounts_.used(quota), limits.all);
  return over < limits.all / reserved_part ? limits.least : 0;
}

bool Account::may_exceed_share(Quota quota) const noexcept {
  return less(used(quota), share(quota)) < least(quota);
}

void Account::add(Quota quota, std::size_t amount) noexcept {
  used_[index(quota)].fetch_add(amount, std::memory_order_relaxed);
  accounts_.used_[index(quota)].fetch_add(amount, std::memory_order_relaxed);
}

void Account::refund(Quota quota, std::size_t amount) noexcept {
  assert(used(quota) >= amount);
  used_[index(quota)].fetch_sub(amount, std::memory_order_relaxed);
  accounts_.used_[index(quota)].fetch_sub(amount, std::memory_order_relaxed);
}

Slot::~Slot() {
  if (account_ != nullptr) account_->accounts_.leave(*account_);
}

std::optional<Slot> Accounts::admit(std::uint32_t uid, bool trusted) {
  const auto [place, is_new] = accounts_.try_emplace(uid, *this, uid, trusted);
  Account& account = place->second;
  if (is_new && !trusted) untrusted_.fetch_add(1, std::memory_order_relaxed);
  if (account.charge(Quota::connections)) return Slot(account);
  if (is_new) {
    if (!trusted) untrusted_.fetch_sub(1, std::memory_order_relaxed);
    accounts_.erase(place);  // the limit allows no connection
  }
  return std::nullopt;
}

void Accounts::leave(Account& account) noexcept {
  account.refund(Quota::connections);
  if (account.used(Quota::connections) == 0) {
    assert(account.used(Quota::memory) == 0 && account.used(Quota::send_buffers) == 0);
    if (!account.trusted()) untrusted_.fetch_sub(1, std::memory_order_relaxed);
    accounts_.erase(account.uid());
  }
  if (slot_freed_) slot_freed_();
}

}  // namespace hallway::core
