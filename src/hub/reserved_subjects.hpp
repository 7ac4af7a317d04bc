// SPDX-License-Identifier: Apache-2.0
//
// The subjects of a hub itself, as include/hallway/hub.hpp tells of them.
#pragma once

#include <string_view>

namespace hallway::hub {

inline constexpr std::string_view reserved_prefix = "$SYS.HUB.";
inline constexpr std::string_view statistics_subject = "$SYS.HUB.STATS";
inline constexpr std::string_view gap_subject = "$SYS.HUB.GAP";
inline constexpr std::string_view interest_subject = "$SYS.HUB.INTEREST";

/// Queue groups whose members only pass messages on.
inline constexpr std::string_view link_group_prefix = "_HALLWAY.LINK.";

}  // namespace hallway::hub
