// SPDX-License-Identifier: Apache-2.0
#include "hub_link.hpp"

#include "report.hpp"

namespace hallway::tool {

Result<HubLink> HubLink::open(Loop& /*loop*/, const Address& hub, LinkOptions /*options*/,
                              Events& /*events*/) {
  return std::unexpected(error_of(std::errc::function_not_supported, "link", hub.unescaped(),
                                  "this hallway was built without libnats"));
}

LinkStatistics HubLink::statistics() const { return {}; }

}  // namespace hallway::tool
