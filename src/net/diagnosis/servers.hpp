// SPDX-License-Identifier: Apache-2.0
//
// The processes that have the sockets of the evidence open.
#pragma once

#include "net/diagnosis/look.hpp"

namespace hallway::net {

/// Fills in SocketEntry::holders of all entries, as far as they are found until `until`.
void look_at_holders(Look& look, Clock::time_point until);

/// Fills in Evidence::elsewhere_mounts and SocketEntry::in_mounts_of.
void look_at_mounts_elsewhere(Look& look, Clock::time_point until);

/// Fills in Process::watches_listener where clients wait.
void look_whether_watched(Look& look);

/// The listening socket at the address, if there is one.
SocketEntry* listening_socket(Evidence& evidence);

/// Whether all known holders are service managers, which start a service when a client connects.
bool is_held_by_service_manager(const SocketEntry& entry);

}  // namespace hallway::net
