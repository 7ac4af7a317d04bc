// SPDX-License-Identifier: Apache-2.0
//
// Whether a server gets to the clients that wait for it: two looks at its queue, some time apart.
#pragma once

#include <chrono>
#include <optional>

#include "net/diagnosis/look.hpp"
#include "sys/socket_diag.hpp"

namespace hallway::net {

/// The most time between the two looks, if the queue does not move before. A full queue is looked
/// at for longer: a server that accepts one client in a second is slow, and not stuck.
inline constexpr std::chrono::milliseconds queue_time{300};
inline constexpr std::chrono::milliseconds full_queue_time{1100};

/// The first look; nullopt: nobody waits, or the queue is not to be seen.
std::optional<sys::UnixSocket> first_look(Look& look);

/// Fills in Evidence::second_look_moved.
void second_look(Look& look, const sys::UnixSocket& first);

/// Whether the server accepted a client between two looks at its queue. Clients that come and
/// clients that give up do not count.
bool has_moved(const sys::UnixSocket& first, const sys::UnixSocket& second);

}  // namespace hallway::net
