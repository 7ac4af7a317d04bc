// SPDX-License-Identifier: Apache-2.0
//
// Logs the events of a link, for a hub that has one and for `hallway link`.
#pragma once

#include <chrono>
#include <cstddef>
#include <map>
#include <string>

#include <hallway/link.hpp>

#include "io/events.hpp"

namespace hallway::tool {

class LinkEvents {
 public:
  explicit LinkEvents(Events& events) : events_(&events) {}

  /// Logs an event, unless it repeats the last one of its account: a server that is not there is
  /// logged once, not at each attempt. At most a fixed number of lines a second, because servers
  /// cause the events.
  void log(const LinkEvent& event);

  /// Logs the patterns that match more than a link forwards.
  void log_excluded(const LinkOptions& link);

  /// Logs the messages lost in total, at the end, when the metrics are no longer served.
  void log_losses(const LinkStatistics& all);

 private:
  Events* events_;
  std::map<std::string, std::string> last_;      // by account; its own connection has an empty name
  std::chrono::steady_clock::time_point since_;  // the start of the second being counted
  std::size_t in_this_second_ = 0;
};

}  // namespace hallway::tool
