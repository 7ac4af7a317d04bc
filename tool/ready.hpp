// SPDX-License-Identifier: Apache-2.0
//
// The run of a server, and telling whoever started it that it listens and that it stops:
// --ready-fd, and systemd's NOTIFY_SOCKET.
#pragma once

#include <optional>

#include <hallway/loop.hpp>

#include "events.hpp"

namespace hallway::tool {

/// Tells that a server listens, runs the loop to its end, and tells that it has stopped.
/// @param descriptor  gets a newline, and is closed unless it is a standard one
/// @return the exit status
int run_server(Loop& loop, Events& events, std::optional<int> descriptor);

}  // namespace hallway::tool
