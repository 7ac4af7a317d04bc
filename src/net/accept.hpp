// SPDX-License-Identifier: Apache-2.0
//
// The next client in the queue of a listening socket.
#pragma once

#include <optional>

#include <hallway/descriptor.hpp>

#include "sys/expected.hpp"

namespace hallway::net {

/// @return nullopt if none waits now. Clients that are gone already are skipped, at most 64 of them
/// @errors EINVAL: the socket refuses clients; else those of accept(2) that concern this process,
///         such as EMFILE: try again when there is room
sys::Expected<std::optional<Descriptor>> accept_next(int listener);

}  // namespace hallway::net
