// SPDX-License-Identifier: Apache-2.0
#include "hub_events.hpp"

#include <chrono>
#include <nlohmann/json.hpp>

#include "values.hpp"

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

void HubEvents::tell(const HubEvent& event) {
  if (!second_ || second_->ended()) second_.emplace(count_a_second());
  if (++in_this_second_ > lines_a_second) return;
  events_->tell(Events::Level::usual, name_of(event.kind), event.connection,
                event.peer.to_string() + ": " + event.reason,
                {{"peer", json_of(event.peer)}, {"reason", event.reason}});
}

Background HubEvents::count_a_second() {
  in_this_second_ = 0;
  co_await loop_->sleep(std::chrono::seconds(1));
  if (in_this_second_ <= lines_a_second) co_return;
  const std::size_t missing = in_this_second_ - lines_a_second;
  events_->tell(Events::Level::usual, "not told", 0, counted(missing, "event") + " like these",
                {{"events", missing}});
}

}  // namespace hallway::tool
