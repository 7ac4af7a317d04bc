// SPDX-License-Identifier: Apache-2.0
//
// Which sockets are bound to the address, here and in other network namespaces, and which others
// have its name. An entry in one of the kernel's lists is alive only if it listens or is bound: a
// client that waits to be accepted also stands there with the name of the server.
#pragma once

#include <string>

#include "net/diagnosis/look.hpp"

namespace hallway::net {

/// Fills in Look::live, and from it Evidence::sockets and ::elsewhere.
void look_at_our_sockets(Look& look);

/// Fills in Evidence::connected. The kernel's list of connected sockets is long, so this is for an
/// address at which no other socket was found.
void look_at_connected_sockets(Look& look);

/// Adds those of other network namespaces to them, until `until`.
void look_at_other_networks(Look& look, Clock::time_point until);

/// Fills in Evidence::in_layers, ::layer_of and ::layer_of_pid.
void look_at_overlays(Look& look, Clock::time_point until);

/// The name of an abstract socket as the kernel shows it: '@' for each NUL, and one in front.
std::string shown_abstract(std::string_view name);

}  // namespace hallway::net
