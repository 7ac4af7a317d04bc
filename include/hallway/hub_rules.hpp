// SPDX-License-Identifier: Apache-2.0
// Layer: hub
//
// What a hub's operator decides: who may connect, who may publish and subscribe to what, how
// messages are delivered, and which of them identify their publisher. Rules are data. They name
// subjects by patterns, as subscriptions do: `*` stands for one token, `>` at the end for one or
// more.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <hallway/error.hpp>
#include <hallway/export.hpp>
#include <hallway/peer.hpp>

namespace hallway {

/// What a subscription does with a message for which there is no room. The names are those of
/// hallway::Full.
enum class DeliveryPolicy : std::uint8_t {
  wait,         ///< the publisher waits: back-pressure
  drop_oldest,  ///< waiting messages are dropped to make room, oldest first
  drop_newest,  ///< this message is dropped
  latest_only,  ///< of each subject only the latest message waits, in the position of the first; if
                ///< there is still no room, as drop_oldest
  disconnect,   ///< the client is disconnected
};

/// "wait", "drop_oldest", ...
HALLWAY_EXPORT std::string_view to_string(DeliveryPolicy policy) noexcept;
HALLWAY_EXPORT std::optional<DeliveryPolicy> delivery_policy(std::string_view name) noexcept;

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
  DeliveryPolicy policy = DeliveryPolicy::disconnect;
  /// Bytes; replaces HubLimits::pending_per_subscription. Under DeliveryPolicy::wait, where
  /// publishers are otherwise paused at once, it replaces zero.
  std::optional<std::size_t> pending = {};
};

struct HALLWAY_EXPORT HubRules {
  /// Who may connect; see ServerOptions::allow.
  std::vector<AllowRule> allow;
  std::vector<PermissionRule> permissions;
  std::vector<DeliveryRule> delivery;
  /// Subjects whose messages identify their publisher; see "Identity" in hub.hpp.
  std::vector<std::string> stamped;

  /// These rules, validated, with their names looked up. A hub that must not block while the user
  /// database is queried calls this in another thread, and passes the result to Hub::set_rules() on
  /// its loop.
  /// @errors invalid_argument: an invalid pattern, or an unknown user or group; `subject` is the
  ///         position, as in "delivery[2].subjects[0]"
  /// Blocking: name look-ups. Thread: any.
  [[nodiscard]] Result<HubRules> resolved() const;
};

}  // namespace hallway
