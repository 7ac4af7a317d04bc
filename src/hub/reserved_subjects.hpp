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

/// Subjects and queue groups of links. Only root and the hub's own user use them, but for answers.
inline constexpr std::string_view link_prefix = "_HALLWAY.";

/// Queue groups whose members only pass messages on. Each connection has its own ones: nobody joins
/// the group of another.
inline constexpr std::string_view link_group_prefix = "_HALLWAY.LINK.";

/// Where anybody answers what came over a link.
inline constexpr std::string_view link_reply_prefix = "_HALLWAY.REPLY.";

/// The reply subject that a link sees of a request. What follows names the hub, the connection that
/// asked, by its number, and the subject that it chose, which may have dots in it. The link
/// publishes the answer to it, and the hub delivers that with the rights of the client that asked.
inline constexpr std::string_view asked_prefix = "_HALLWAY.ASKED.";

}  // namespace hallway::hub
