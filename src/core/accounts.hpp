// SPDX-License-Identifier: Apache-2.0
//
// What a server has is shared out by uid, so that no user can leave nothing for the others.
// Whatever a peer makes the server keep is in the account of its uid.
//
// A uid may have what its own limit says, but no more than its share of what the others have left:
//
//     (all - reserved - taken by the others) / (uids that are there + 1)
//
// So there is something left for the next uid: the n-th of n greedy ones still has 1/(n (n + 1)) of
// seven eighths. A limit for each uid alone would be no bound for all of them together. Root and
// our own uid have no share but all that is left, with the eighth that is reserved for them.
//
// What others take may be over their share, by a little for each of their connections. So a uid may
// have QuotaLimits::least in any case, as long as all together are not an eighth over the whole.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <unordered_map>

namespace hallway::core {

/// What is shared out.
enum class Quota : std::uint8_t {
  connections,
  memory,        ///< bytes that the server keeps
  send_buffers,  ///< bytes that the kernel may keep in sockets which it was asked to hold more in
};

/// How much there is of one quota.
struct QuotaLimits {
  std::size_t all = SIZE_MAX;
  std::size_t per_uid = SIZE_MAX;
  std::size_t least = 0;  ///< that a uid may have while others are over their shares
};

class Accounts;

/// What one uid takes up. Thread: any; what several threads take at once may go over a limit by
/// what one of them takes.
class Account {
 public:
  /// @param trusted  root, or our own uid
  Account(Accounts& accounts, std::uint32_t uid, bool trusted) noexcept
      : accounts_(accounts), uid_(uid), trusted_(trusted) {}
  Account(const Account&) = delete;
  Account& operator=(const Account&) = delete;

  [[nodiscard]] std::uint32_t uid() const noexcept { return uid_; }
  [[nodiscard]] bool trusted() const noexcept { return trusted_; }
  [[nodiscard]] std::size_t used(Quota quota) const noexcept {
    return used_[index(quota)].load(std::memory_order_relaxed);
  }

  /// The most it may have of it now. What others take makes it less.
  [[nodiscard]] std::size_t share(Quota quota) const noexcept;

  /// Whether all accounts together are less than an eighth over their limit: then one more may go
  /// over its share.
  [[nodiscard]] bool may_exceed_share(Quota quota) const noexcept;

  /// Whether anything is left once another `besides` is taken.
  [[nodiscard]] bool has_left(Quota quota, std::size_t besides = 0) const noexcept {
    return used(quota) + besides < share(quota);
  }

  /// Takes `amount` if there is anything left. The last one may go over the limit, so that a
  /// message of any size gets through.
  [[nodiscard]] bool charge(Quota quota, std::size_t amount = 1) noexcept {
    if (!has_left(quota)) return false;
    add(quota, amount);
    return true;
  }

  /// Takes `amount`, left or not: it is there already.
  void add(Quota quota, std::size_t amount) noexcept;

  /// Precondition: it was taken.
  void refund(Quota quota, std::size_t amount = 1) noexcept;

 private:
  friend class Accounts;

  static constexpr std::size_t index(Quota quota) noexcept {
    return static_cast<std::size_t>(quota);
  }

  Accounts& accounts_;
  const std::uint32_t uid_;
  const bool trusted_;
  std::array<std::atomic<std::size_t>, 3> used_{};
};

/// An amount in an account that is kept up to date, and given back at its end.
class Charge {
 public:
  Charge(Account& account, Quota quota) noexcept : account_(account), quota_(quota) {}
  Charge(const Charge&) = delete;
  Charge& operator=(const Charge&) = delete;
  ~Charge() { set(0); }

  /// It is so much from now on, left or not.
  void set(std::size_t amount) noexcept {
    if (amount > amount_) account_.add(quota_, amount - amount_);
    if (amount < amount_) account_.refund(quota_, amount_ - amount);
    amount_ = amount;
  }
  [[nodiscard]] std::size_t amount() const noexcept { return amount_; }
  [[nodiscard]] bool may_grow() const noexcept { return account_.has_left(quota_); }

 private:
  Account& account_;
  const Quota quota_;
  std::size_t amount_ = 0;
};

/// The accounts of those who are there. Outlives them. Thread: one, but for its accounts.
class Accounts {
 public:
  struct Limits {
    QuotaLimits connections = {};
    QuotaLimits memory = {};
    QuotaLimits send_buffers = {};
  };

  explicit Accounts(const Limits& limits) noexcept
      : limits_{limits.connections, limits.memory, limits.send_buffers} {}
  Accounts(const Accounts&) = delete;
  Accounts& operator=(const Accounts&) = delete;

  /// The account for one more connection of `uid`, good until that leaves; nullptr where it has as
  /// many as it may.
  [[nodiscard]] Account* admit(std::uint32_t uid, bool trusted);

  /// A connection goes. Precondition: all else that it took is given back.
  void leave(Account& account) noexcept;

  [[nodiscard]] std::size_t connections_of(std::uint32_t uid) const noexcept {
    const auto account = accounts_.find(uid);
    return account == accounts_.end() ? 0 : account->second.used(Quota::connections);
  }
  [[nodiscard]] std::size_t size() const noexcept { return accounts_.size(); }
  [[nodiscard]] std::size_t used(Quota quota) const noexcept {
    return used_[Account::index(quota)].load(std::memory_order_relaxed);
  }

 private:
  friend class Account;

  const std::array<QuotaLimits, 3> limits_;
  std::array<std::atomic<std::size_t>, 3> used_{};
  std::atomic<std::size_t> untrusted_ = 0;  // accounts
  std::unordered_map<std::uint32_t, Account> accounts_;
};

}  // namespace hallway::core
