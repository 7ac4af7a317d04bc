// SPDX-License-Identifier: Apache-2.0
//
// What becomes of a link, told in events: by the hub that has it, and by `hallway link` itself.
#pragma once

#include <chrono>
#include <cstddef>
#include <string>

#include <hallway/link.hpp>

#include "io/events.hpp"

namespace hallway::tool {

class LinkEvents {
 public:
  explicit LinkEvents(Events& events) : events_(&events) {}

  /// A server that is not there is told once, and not at each attempt; of what servers make happen
  /// as often as they like, some lines a second.
  void tell(const LinkEvent& event);

  /// A pattern may match more than a link passes on.
  void tell_left_out(const LinkOptions& link);

  /// The last word of counters that nobody can fetch any longer.
  void tell_losses(const LinkStatistics& all);

 private:
  Events* events_;
  std::string last_;
  std::chrono::steady_clock::time_point since_;  // a second that began then
  std::size_t in_this_second_ = 0;
};

}  // namespace hallway::tool
