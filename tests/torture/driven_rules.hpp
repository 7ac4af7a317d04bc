// SPDX-License-Identifier: Apache-2.0
//
// The rules of a hub that a random driver drives, and what they mean for its clients.
#pragma once

#include <string>

#include <hallway/hub_rules.hpp>

#include "hub/server/permissions.hpp"
#include "hub/server/rules.hpp"
#include "torture/chance.hpp"
#include "torture/driven_client.hpp"

namespace hallway::torture {

OverflowPolicy any_policy(Chance& chance);

/// About the subjects and users of the driver. Everybody may connect.
HubRules any_rules(Chance& chance);

/// Answers for the hub, without one: by the same rules, but not by its subject tree, its queues or
/// what it remembers of a client.
class DrivenRules {
 public:
  /// Fails the test where they are not valid.
  void take(const HubRules& rules);

  [[nodiscard]] bool may_publish(const DrivenClient& client, const std::string& subject) const;
  [[nodiscard]] bool may_subscribe(const DrivenClient& client, const std::string& pattern) const;
  /// Of a subscription that the client makes now.
  [[nodiscard]] OverflowPolicy policy_of(const DrivenClient& client,
                                         const std::string& pattern) const;
  [[nodiscard]] bool hears(const DrivenClient& client, const Subscribed& subscribed,
                           const std::string& subject) const;

 private:
  [[nodiscard]] hub::Permissions permissions_of(const DrivenClient& client) const;

  hub::Rules rules_;
};

}  // namespace hallway::torture
