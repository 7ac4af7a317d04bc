// SPDX-License-Identifier: Apache-2.0
//
// How often an event may be told. A client connects, or breaks a rule, as often as it likes, and
// must fill neither a log nor the disk it is on.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include <hallway/limits.hpp>

namespace hallway::tool {

/// Of each kind of event. Those above it are counted, and the count is told at the end of the
/// second; when the hour's are used up, once a minute.
inline constexpr std::uint64_t events_a_second = 20;
inline constexpr std::uint64_t events_an_hour = 5'000;

class EventLimits {
 public:
  using Time = std::chrono::steady_clock::time_point;

  struct Verdict {
    bool told = true;
    std::optional<Time> count_at = {};  ///< the first that is not told: when to tell how many
  };

  /// An event of the kind of this name happens.
  Verdict happens(std::string_view name, Time now);

  /// How many of this kind were not told since the last time this was asked.
  std::uint64_t take_untold(std::string_view name);

 private:
  struct Kind {
    Time second;
    Time hour;
    std::uint64_t in_second = 0;
    std::uint64_t in_hour = 0;
    std::uint64_t untold = 0;
  };

  Kind& find(std::string_view name, Time now);

  std::map<std::string, Kind, std::less<>> kinds_;  // as many as there are names of events
};

}  // namespace hallway::tool
