// SPDX-License-Identifier: Apache-2.0
//
// Rate limits for log events. A client can connect, or break a rule, as often as it likes, and must
// not be able to fill the log or the disk it is on.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include <hallway/limits.hpp>

namespace hallway::tool {

/// Events logged per kind. Events above the limit are counted, and the count is logged at the end
/// of the second, or once a minute when the limit of the hour is reached.
inline constexpr std::uint64_t events_a_second = 20;
inline constexpr std::uint64_t events_an_hour = 5'000;

class EventLimits {
 public:
  using Time = std::chrono::steady_clock::time_point;

  struct Decision {
    bool logged = true;
    std::optional<Time> count_at = {};  ///< set for the first one not logged: when to log the count
  };

  /// Counts an event of this kind and decides whether it is logged.
  Decision count(std::string_view name, Time now);

  /// The number of events of this kind that were not logged since the last call.
  std::uint64_t take_suppressed(std::string_view name);

 private:
  struct Kind {
    Time second;
    Time hour;
    std::uint64_t in_second = 0;
    std::uint64_t in_hour = 0;
    std::uint64_t suppressed = 0;
  };

  Kind& find(std::string_view name, Time now);

  std::map<std::string, Kind, std::less<>> kinds_;  // one entry per event name
};

}  // namespace hallway::tool
