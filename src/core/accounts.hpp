// SPDX-License-Identifier: Apache-2.0
//
// Accounts of what a server has, by uid, so that no user can exhaust it for the others. Everything
// a peer makes the server hold is charged to the account of the peer's uid.
//
// A uid may use what its own limit allows, but no more than its share of what the other uids leave:
//
//     (all - reserved - used by the other uids) / (connected uids with a share + 1)
//
// So there is something left for the next uid: the n-th of n greedy uids still gets 1/(n (n + 1))
// of seven eighths. A limit for each uid alone would not bound all of them together. Root and our
// own uid have no share: they may use all that is left, including the eighth that is reserved for
// them.
//
// The other uids may be over their shares, by a little for each of their connections. Therefore a
// uid may use QuotaLimits::least in any case, as long as all uids together are less than an eighth
// over the whole.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <unordered_map>
#include <utility>

namespace hallway::core {

/// A resource that the uids share.
enum class Quota : std::uint8_t {
  connections,
  memory,        ///< bytes that the server holds
  send_buffers,  ///< bytes the kernel may hold in sockets whose send buffer the server raised
};

/// The limits of one quota.
struct QuotaLimits {
  std::size_t all = SIZE_MAX;
  std::size_t per_uid = SIZE_MAX;
  std::size_t least = 0;  ///< a uid may use this much while others are over their shares
};

class Accounts;

/// What one uid uses. Thread: any; threads that charge at the same time may exceed a limit by what
/// each of them charges.
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

  /// The most it may use now. It shrinks as other uids use more.
  [[nodiscard]] std::size_t share(Quota quota) const noexcept;

  /// Whether an account whose share is used up may have one more amount: it is less than
  /// QuotaLimits::least over its share, and all accounts together are less than an eighth over
  /// their limit.
  [[nodiscard]] bool may_exceed_share(Quota quota) const noexcept;

  /// Whether anything is left after another `besides` is charged.
  [[nodiscard]] bool has_left(Quota quota, std::size_t besides = 0) const noexcept {
    return used(quota) + besides < share(quota);
  }

  /// Charges `amount` if anything is left. The last charge may go over the limit, so that a message
  /// of any size gets through.
  [[nodiscard]] bool charge(Quota quota, std::size_t amount = 1) noexcept {
    if (!has_left(quota)) return false;
    add(quota, amount);
    return true;
  }

  /// Charges `amount` whether or not that much is left, because it exists already.
  void add(Quota quota, std::size_t amount) noexcept;

  /// Precondition: `amount` was charged.
  void refund(Quota quota, std::size_t amount = 1) noexcept;

 private:
  friend class Accounts;
  friend class Slot;

  /// What every account may use in any case.
  [[nodiscard]] std::size_t least(Quota quota) const noexcept;

  static constexpr std::size_t index(Quota quota) noexcept {
    return static_cast<std::size_t>(quota);
  }

  Accounts& accounts_;
  const std::uint32_t uid_;
  const bool trusted_;
  std::array<std::atomic<std::size_t>, 3> used_{};
};

/// An amount in an account that can change. The destructor refunds it.
class Charge {
 public:
  Charge(Account& account, Quota quota) noexcept : account_(account), quota_(quota) {}
  Charge(const Charge&) = delete;
  Charge& operator=(const Charge&) = delete;
  ~Charge() { set(0); }

  /// Changes the amount, whether or not that much is left.
  void set(std::size_t amount) noexcept {
    if (amount > amount_) account_.add(quota_, amount - amount_);
    if (amount < amount_) account_.refund(quota_, amount_ - amount);
    amount_ = amount;
  }
  [[nodiscard]] Account& account() const noexcept { return account_; }
  [[nodiscard]] std::size_t amount() const noexcept { return amount_; }
  [[nodiscard]] bool may_grow() const noexcept { return account_.has_left(quota_); }

 private:
  Account& account_;
  const Quota quota_;
  std::size_t amount_ = 0;
};

/// One connection, charged to the account of its uid. The destructor gives it back. Thread: that of
/// the Accounts, which outlive it.
class Slot {
 public:
  Slot(Slot&& other) noexcept : account_(std::exchange(other.account_, nullptr)) {}
  Slot& operator=(Slot&&) = delete;
  ~Slot();

  /// Whether it was not moved from.
  explicit operator bool() const noexcept { return account_ != nullptr; }
  [[nodiscard]] Account& account() const noexcept { return *account_; }

 private:
  friend class Accounts;
  explicit Slot(Account& account) noexcept : account_(&account) {}

  Account* account_;
};

/// The accounts of the uids with connections. Thread: one; its accounts may be used from any
/// thread.
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

  /// Charges one more connection to `uid`. Its account stays valid until the slot is given back;
  /// everything else charged for the connection must be refunded before.
  /// @return nullopt if the uid may not have another connection
  [[nodiscard]] std::optional<Slot> admit(std::uint32_t uid, bool trusted);

  /// Sets what is called after each slot that is given back. An empty action disables it.
  void on_slot_freed(std::function<void()> action) noexcept { slot_freed_ = std::move(action); }

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
  friend class Slot;

  void leave(Account& account) noexcept;

  const std::array<QuotaLimits, 3> limits_;
  std::array<std::atomic<std::size_t>, 3> used_{};
  std::atomic<std::size_t> untrusted_ = 0;  // number of accounts with a share
  std::unordered_map<std::uint32_t, Account> accounts_;
  std::function<void()> slot_freed_;
};

}  // namespace hallway::core
