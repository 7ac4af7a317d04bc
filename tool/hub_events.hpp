// SPDX-License-Identifier: Apache-2.0
//
// What happens between a hub and its clients, in the log. Clients make it happen as often as they
// like: of what would flood the log, so many lines a second are written, and then how many are
// missing.
#pragma once

#include <cstddef>
#include <optional>

#include <hallway/hub.hpp>
#include <hallway/loop.hpp>

#include "background.hpp"
#include "events.hpp"

namespace hallway::tool {

class HubEvents {
 public:
  static constexpr std::size_t lines_a_second = 20;

  HubEvents(Loop& loop, Events& events) : loop_(&loop), events_(&events) {}

  void tell(const HubEvent& event);

 private:
  Background count_a_second();

  Loop* loop_;
  Events* events_;
  std::size_t in_this_second_ = 0;
  std::optional<Background> second_;
};

}  // namespace hallway::tool
