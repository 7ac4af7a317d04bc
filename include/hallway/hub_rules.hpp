// SPDX-License-Identifier: Apache-2.0
// Layer: hub
//
// What a hub's operator decides: who may connect, who may say and hear what, how messages are
// delivered, and where their publisher is told. Rules are data and name subjects by patterns, as
// subscriptions do: `*` stands for one token, `>` at the end for one or more.
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

/// What a subscription does with a message for which there is no room. The words are those of
/// hallway::Full.
enum class DeliveryPolicy : std::uint8_t {
  wait,         ///< the publisher waits: back-pressure
  drop_oldest,  ///< messages that wait make room, oldest first
  drop_newest,  ///< this message is lost
  latest_only,  ///< of each subject only the latest waits, in the place of the first; then
                ///< drop_oldest
  disconnect,   ///< the connection is cut
};

/// "wait", "drop_oldest", ...
HALLWAY_EXPORT std::string_view to_string(DeliveryPolicy policy) noexcept;
HALLWAY_EXPORT std::optional<DeliveryPolicy> delivery_policy(std::string_view name) noexcept;

/// Patterns of subjects (subject.hpp).
struct SubjectLists {
  std::optional<std::vector<std::string>> allow;
  std::vector<std::string> deny;
};

/// Who may publish and subscribe to what. Rules that are about a peer add up: what any of them
/// allows is allowed, unless one of them denies it. As soon as one of them has an allow list,
/// nothing else is allowed; for whom there is none, everything is. An allow list may be empty: who
/// is named by that rule alone may do nothing. What nobody may without a rule: hear all inboxes;
/// see "Inboxes" in hub.hpp.
struct PermissionRule {
  std::vector<AllowRule> who;  ///< the rule is about whom any of them admits
  SubjectLists publish;
  SubjectLists subscribe;
};

/// How messages reach a subscription. The first rule that is about its subject and its peer counts,
/// and goes before what the client asked for.
struct DeliveryRule {
  std::vector<std::string> subjects;  ///< about subscriptions that one of them covers wholly
  std::vector<AllowRule> who = {allow::any()};
  DeliveryPolicy policy = DeliveryPolicy::disconnect;
  /// Instead of HubLimits::pending_per_subscription; under DeliveryPolicy::wait, where publishers
  /// are held back at once, instead of zero.
  std::optional<std::size_t> pending = {};
};

struct HALLWAY_EXPORT HubRules {
  /// Who may connect; see ServerOptions::allow.
  std::vector<AllowRule> allow;
  std::vector<PermissionRule> permissions;
  std::vector<DeliveryRule> delivery;
  /// Subjects whose messages say who published them; see "PidStatus" in hub.hpp.
  std::vector<std::string> stamped;

  /// These rules, checked, with their names looked up. A hub that must not stand still while a
  /// user database is asked has this done in another thread, and passes the result to
  /// Hub::set_rules() on its loop.
  /// @errors invalid_argument: a pattern that is none, or an unknown user or group; `subject` is
  ///         the place, as in "delivery[2].subjects[0]"
  /// Blocking: name look-ups. Thread: any.
  [[nodiscard]] Result<HubRules> resolved() const;
};

}  // namespace hallway
