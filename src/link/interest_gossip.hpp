// SPDX-License-Identifier: Apache-2.0
//
// The messages by which the hubs on one cluster announce which patterns they want, on the subject
// _HALLWAY.LINK:
//
//     HALLWAY 1 ID KIND NUMBER LF
//     +news.* LF                    wanted from now on
//     -jobs LF                      no longer wanted
//
// Each hub numbers its messages. `all` replaces everything announced before: the hub wants the
// patterns that follow, and `change` messages with the next numbers update that set. `here` is a
// heartbeat with the hub's last number; a hub that finds a gap sends `ask`, and all other hubs
// answer with `all`. `bye`: the hub leaves, and wants nothing.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <hallway/bytes.hpp>

namespace hallway::link {

inline constexpr const char* gossip_subject = "_HALLWAY.LINK";

struct InterestGossip {
  enum class Kind : std::uint8_t { all, change, here, ask, goodbye };
  std::string hub;
  Kind kind = Kind::here;
  std::uint64_t number = 0;
  std::vector<std::string> lines = {};  ///< patterns with their sign

  [[nodiscard]] std::string text() const;

  /// Lines that do not hold a valid pattern are left out.
  /// @return nullopt if it is not a gossip message, has another version, or its id is too long
  static std::optional<InterestGossip> parse(ByteView text);
};

}  // namespace hallway::link
