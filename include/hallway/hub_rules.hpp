// SPDX-License-Identifier: Apache-2.0
// Layer: hub
//
// What a hub's operator decides: who may connect, who may publish and subscribe to what, how
// messages are delivered, which of them identify their publisher, and which stay for later
// subscribers. Rules are data. They name subjects by patterns, as subscriptions do: `*` stands for
// one token, `>` at the end for one or more.
#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include <hallway/error.hpp>
#include <hallway/export.hpp>
#include <hallway/limits.hpp>
#include <hallway/overflow_policy.hpp>
#include <hallway/peer.hpp>

namespace hallway {

/// What a hub can do with a message for which a subscription has no room. See "Full queues" in
/// hub.hpp.
inline constexpr std::array delivery_policies{
    OverflowPolicy::wait, OverflowPolicy::drop_oldest, OverflowPolicy::drop_newest,
    OverflowPolicy::latest_only, OverflowPolicy::disconnect};

/// Patterns of subjects (subject.hpp).
struct SubjectLists {
  std::optional<std::vector<std::string>> allow;
  std::vector<std::string> deny;
};

/// Who may publish and subscribe to what. All rules that match a peer are combined. A subject that
/// any of them denies is denied. If any of them has an allow list, only subjects on one of those
/// lists are allowed. If none has, everything is. An empty allow list alone therefore denies
/// everything. Without a rule, only root and the hub's own user may subscribe to all inboxes; see
/// "Inboxes" in hub.hpp.
struct PermissionRule {
  std::vector<AllowRule> who;  ///< the rule matches peers that any of these admits
  SubjectLists publish;
  SubjectLists subscribe;
};

/// How messages reach a subscription. The first rule that matches its subject and its peer applies.
/// It takes precedence over what the client requested.
struct DeliveryRule {
  std::vector<std::string> subjects;  ///< matches a subscription if one of them covers its whole
                                      ///< subject
  std::vector<AllowRule> who = {allow::any()};
  OverflowPolicy overflow = OverflowPolicy::disconnect;  ///< one of delivery_policies
  /// Bytes; replaces HubLimits::max_pending_per_subscription. Under OverflowPolicy::wait, where
  /// publishers are otherwise paused at once, it replaces zero.
  std::optional<std::size_t> pending = {};
};

/// Which subjects have a last value that later subscribers get; see "Retained values" in hub.hpp.
/// The first rule that matches a subject applies.
struct RetainRule {
  /// Patterns. One that matches only subjects that are never retained is refused.
  std::vector<std::string> subjects;
  /// Of the values that this rule keeps.
  RetainLimits limits = {};
};

struct HALLWAY_EXPORT HubRules {
  /// Who may connect; see ServerOptions::allow.
  std::vector<AllowRule> allow;
  std::vector<PermissionRule> permissions;
  std::vector<DeliveryRule> delivery;
  /// Subjects whose messages identify their publisher; see "Identity" in hub.hpp.
  std::vector<std::string> stamped;
  /// The first that matches a subject applies; values that none matches any longer are dropped.
  std::vector<RetainRule> retain;

  /// These rules, validated, with their names looked up. A hub that must not block while the user
  /// database is queried calls this in another thread, and passes the result to Hub::set_rules() on
  /// its loop.
  /// @errors invalid_argument: an invalid pattern, an unsupported overflow policy, or an unknown
  ///         user or group; `subject` is the position, as in "delivery[2].subjects[0]"
  /// Blocking: name look-ups. Thread: any.
  [[nodiscard]] Result<HubRules> resolved() const;
};

}  // namespace hallway
