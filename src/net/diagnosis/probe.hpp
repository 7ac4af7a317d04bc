// SPDX-License-Identifier: Apache-2.0
//
// Connects to the address, as carefully as can be.
#pragma once

#include <chrono>

#include "net/diagnosis/look.hpp"

namespace hallway::net {

/// A connection that is still open after this time stays open.
inline constexpr std::chrono::milliseconds probe_time{20};
/// How long the probe waits for a server that has not accepted its connection.
inline constexpr std::chrono::milliseconds accept_time{50};
/// A receiver that leaves its queue of datagrams full for this time does not read it.
inline constexpr std::chrono::milliseconds datagram_time{100};

/// Fills in Evidence::held and ::datagram_queue_full, by connecting a datagram socket: that sets
/// only where it would send to. The server does not notice.
void ask_whether_held(Look& look);

/// Fills in Evidence::probe, or ::no_probe_because. Sends nothing, and closes at once.
void probe(Look& look, bool wanted);

}  // namespace hallway::net
