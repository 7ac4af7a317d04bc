// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cassert>
#include <cstdint>
#include <string>
#include <utility>

#include "subject/pool.hpp"

namespace hallway::hub {

/// Identifies a subscription from Router::add() to Router::remove(), and nothing after that.
struct SubscriptionId {
  Index index = no_index;
  std::uint32_t serial = 0;

  friend bool operator==(const SubscriptionId&, const SubscriptionId&) = default;
};

/// What the router and the delivery need to know of a subscription. Everything else is in a derived
/// or an enclosing class.
class RoutedSubscription {
 public:
  /// @param owner  the connection it belongs to: only compared
  /// @param group  the queue group whose members share the messages; empty: none
  RoutedSubscription(const void* owner, std::string subject, std::string group = {})
      : owner_(owner), subject_(std::move(subject)), group_(std::move(group)) {}
  RoutedSubscription(const RoutedSubscription&) = delete;
  RoutedSubscription& operator=(const RoutedSubscription&) = delete;
  ~RoutedSubscription() { assert(!routed()); }

  [[nodiscard]] const void* owner() const noexcept { return owner_; }
  [[nodiscard]] const std::string& subject() const noexcept { return subject_; }
  [[nodiscard]] const std::string& group() const noexcept { return group_; }
  [[nodiscard]] SubscriptionId id() const noexcept { return id_; }

  /// Whether it is in a router. It must not be moved or destroyed then.
  [[nodiscard]] bool routed() const noexcept { return id_.index != no_index; }

  /// Auto-unsubscribe: it ends after `most` messages, including those it already had.
  /// @return whether it already had that many: the caller removes it now
  [[nodiscard]] bool end_after(std::uint64_t most) noexcept {
    most_ = most;
    return had_ >= most_;
  }

  /// Whether it ends by itself, after a number of messages.
  [[nodiscard]] bool limited() const noexcept { return most_ != UINT64_MAX; }

  /// Counts messages that it gets, or would have got if its queue had not been full.
  /// @return whether those were the last ones: the caller removes it now
  [[nodiscard]] bool count_messages(std::uint64_t count = 1) noexcept {
    had_ += count;
    return had_ >= most_;
  }

 private:
  friend class SubjectTree;

  const void* owner_;
  std::string subject_;
  std::string group_;
  SubscriptionId id_;
  std::uint64_t had_ = 0;
  std::uint64_t most_ = UINT64_MAX;
};

}  // namespace hallway::hub
