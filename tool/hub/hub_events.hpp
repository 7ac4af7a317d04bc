// SPDX-License-Identifier: Apache-2.0
//
// Logs the events between a hub and its clients.
#pragma once

#include <hallway/hub.hpp>

#include "io/events.hpp"

namespace hallway::tool {

void log(Events& events, const HubEvent& event);

}  // namespace hallway::tool
