// SPDX-License-Identifier: Apache-2.0
//
// Subjects reserved for hubs and links, documented in include/hallway/hub.hpp and link.hpp.
#pragma once

#include <string_view>

namespace hallway::hub {

/// Subjects of NATS servers; those of the hub itself are among them.
inline constexpr std::string_view system_prefix = "$SYS.";

inline constexpr std::string_view reserved_prefix = "$SYS.HUB.";
inline constexpr std::string_view statistics_subject = "$SYS.HUB.STATS";
/// Each answers its client alone: how many subscriptions got the client's last message, and how
/// many match the subject in the payload.
inline constexpr std::string_view delivered_subject = "$SYS.HUB.DELIVERED";
inline constexpr std::string_view matches_subject = "$SYS.HUB.MATCHES";

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

/// Begins the reply subject of each message to a link that asked for the uids of publishers. The
/// uid follows, and after a dot, if the message has a reply subject, that in the form for links.
inline constexpr std::string_view by_prefix = "_HALLWAY.BY.";

/// Whether hubs, links and servers send messages to each other on the subject. Links do not forward
/// them.
[[nodiscard]] constexpr bool is_internal(std::string_view subject) noexcept {
  return subject.starts_with(link_prefix) || subject.starts_with(system_prefix);
}

}  // namespace hallway::hub
