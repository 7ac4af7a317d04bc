// SPDX-License-Identifier: Apache-2.0
//
// A hub's rules, validated and resolved, and the queries that the running hub makes.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include <hallway/error.hpp>
#include <hallway/hub_rules.hpp>
#include <hallway/peer.hpp>

#include "hub/server/permissions.hpp"

namespace hallway::hub {

class Rules {
 public:
  Rules() = default;

  /// @errors those of HubRules::resolved()
  static Result<Rules> of(const HubRules& rules);

  [[nodiscard]] const std::vector<AllowRule>& allow() const noexcept { return rules_.allow; }

  [[nodiscard]] Permissions permissions_of(const Peer& peer, std::span<const std::uint32_t> groups,
                                           bool trusted) const {
    return Permissions::of(peer, groups, rules_.permissions, trusted);
  }

  /// The first rule that applies to this subscription of this peer; nullptr if there is none.
  [[nodiscard]] const DeliveryRule* delivery_of(std::string_view subject, const Peer& peer,
                                                std::span<const std::uint32_t> groups) const;

  [[nodiscard]] const std::vector<RetainRule>& retain() const noexcept { return rules_.retain; }

  /// Whether messages on this subject get the identity header of their publisher.
  [[nodiscard]] bool identifies(std::string_view subject) const noexcept;

 private:
  HubRules rules_;
};

}  // namespace hallway::hub
