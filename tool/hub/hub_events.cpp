// SPDX-License-Identifier: Apache-2.0
#include "hub/hub_events.hpp"

#include <nlohmann/json.hpp>

namespace hallway::tool {

namespace {

const char* name_of(HubEvent::Kind kind) {
  switch (kind) {
    case HubEvent::Kind::violation: return "violation";
    case HubEvent::Kind::slow_consumer: return "slow consumer";
    case HubEvent::Kind::refused: return "refused";
  }
  return "unknown event";
}

}  // namespace

void log(Events& events, const HubEvent& event) {
  events.log(Events::Level::usual, name_of(event.kind), event.connection,
             event.peer.to_string() + ": " + event.reason,
             {{"peer", json_of(event.peer)}, {"reason", event.reason}});
}

}  // namespace hallway::tool
