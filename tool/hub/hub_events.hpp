// SPDX-License-Identifier: Apache-2.0
//
// What happens between a hub and its clients, in the log.
#pragma once

#include <hallway/hub.hpp>

#include "io/events.hpp"

namespace hallway::tool {

void tell(Events& events, const HubEvent& event);

}  // namespace hallway::tool
