// SPDX-License-Identifier: Apache-2.0
//
// A hub's rules, valid and resolved: what is asked of them while it runs.
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

  /// The rule about this subscription of this peer; nullptr: there is none.
  [[nodiscard]] const DeliveryRule* delivery_of(std::string_view subject, const Peer& peer,
                                                std::span<const std::uint32_t> groups) const;

  /// Whether messages on this subject say who published them.
  [[nodiscard]] bool stamps(std::string_view subject) const noexcept;

 private:
  HubRules rules_;
};

}  // namespace hallway::hub
