// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <hallway/loop.hpp>

#include "io/events.hpp"
#include "io/output.hpp"
#include "serve/serve_flags.hpp"

namespace hallway::tool {

/// Serves datagrams until the loop ends. Returns the exit status.
int serve_datagrams(Loop& loop, const ServeFlags& flags, Events& events, Output& output);

}  // namespace hallway::tool
