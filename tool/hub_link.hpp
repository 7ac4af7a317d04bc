// SPDX-License-Identifier: Apache-2.0
//
// The link of a hub to NATS servers, told in events. hub_link_absent.cpp stands in for hub_link.cpp
// where this command is built without libnats.
#pragma once

#include <memory>

#include <hallway/address.hpp>
#include <hallway/error.hpp>
#include <hallway/link.hpp>
#include <hallway/loop.hpp>

#include "events.hpp"

namespace hallway::tool {

class HubLink {
 public:
  /// Blocking: until the hub, which is on this loop, has taken it in.
  /// @errors those of Link::start(); function_not_supported: there is no libnats
  static Result<HubLink> open(Loop& loop, const Address& hub, LinkOptions options, Events& events);

  [[nodiscard]] LinkStatistics statistics() const;

 private:
  explicit HubLink(std::shared_ptr<const Link> link) : link_(std::move(link)) {}

  std::shared_ptr<const Link> link_;
};

}  // namespace hallway::tool
