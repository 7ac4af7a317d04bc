// SPDX-License-Identifier: Apache-2.0
#include "io/event_limits.hpp"

#include <utility>

namespace hallway::tool {

EventLimits::Decision EventLimits::count(std::string_view name, Time now) {
  Kind& kind = find(name, now);
  if (now - kind.hour >= std::chrono::hours(1)) {
    kind.hour = now;
    kind.in_hour = 0;
  }
  if (now - kind.second >= std::chrono::seconds(1)) {
    kind.second = now;
    kind.in_second = 0;
  }
  const bool hour_over = kind.in_hour >= events_an_hour;
  if (!hour_over && kind.in_second < events_a_second) {
    ++kind.in_second;
    ++kind.in_hour;
    return {};
  }
  if (kind.suppressed++ > 0) return {.logged = false};
  return {.logged = false,
          .count_at =
              hour_over ? now + std::chrono::minutes(1) : kind.second + std::chrono::seconds(1)};
}

std::uint64_t EventLimits::take_suppressed(std::string_view name) {
  const auto kind = kinds_.find(name);
  if (kind == kinds_.end()) return 0;
  ++kind->second.in_hour;  // the count is also a log line
  return std::exchange(kind->second.suppressed, 0);
}

EventLimits::Kind& EventLimits::find(std::string_view name, Time now) {
  const auto kind = kinds_.find(name);
  if (kind != kinds_.end()) return kind->second;
  return kinds_.emplace(name, Kind{.second = now, .hour = now}).first->second;
}

}  // namespace hallway::tool
