// SPDX-License-Identifier: Apache-2.0
//
// Subjects reserved for the hub itself, documented in include/hallway/hub.hpp.
#pragma once

#include <string_view>

namespace hallway::hub {

inline constexpr std::string_view reserved_prefix = "$SYS.HUB.";
inline constexpr std::string_view statistics_subject = "$SYS.HUB.STATS";
inline constexpr std::string_view gap_subject = "$SYS.HUB.GAP";
inline constexpr std::string_view interest_subject = "$SYS.HUB.INTEREST";

/// Subjects and queue groups of links. Only root and the hub's own user may use them, except that
/// every client may publish to link_reply_prefix.
inline constexpr std::string_view link_prefix = "_HALLWAY.";

/// Queue groups whose members only forward messages. Each connection has its own groups: no client
/// can join the group of another.
inline constexpr std::string_view link_group_prefix = "_HALLWAY.LINK.";

/// Every client may publish replies here to requests that came over a link.
inline constexpr std::string_view link_reply_prefix = "_HALLWAY.REPLY.";

/// Begins the reply subject that a link receives with a request. The rest identifies the hub, the
/// requesting connection by its number, and the reply subject that this client chose, which may
/// contain dots. The link publishes the reply to it, and the hub delivers the reply with the
/// permissions of the client that sent the request.
inline constexpr std::string_view asked_prefix = "_HALLWAY.ASKED.";

}  // namespace hallway::hub
