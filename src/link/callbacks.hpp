// SPDX-License-Identifier: Apache-2.0
//
// What libnats calls, on threads of its own. It may do so after a connection was destroyed, so that
// it gets no pointer but a number to look up.
#pragma once

#include <cstdint>

#include <hallway/limits.hpp>

#include "link/cluster_state.hpp"
#include "link/forwarded_message.hpp"
#include "link/libnats.hpp"

namespace hallway::link::callbacks {

using Number = std::uintptr_t;

/// The number by which calls find a state, until it is struck out.
Number register_state(const ClusterState::Shared& state);
void unregister_state(Number number);

/// A number as libnats takes it.
void* closure(Number number);

/// Counts a subscription until libnats has let go of it.
void follow(natsSubscription* subscription);

/// Blocking: until libnats has let go of all of them.
void wait_until_gone(Duration within);

/// A thread that works with libnats was left to itself, and may be there until the program ends.
void abandon();
[[nodiscard]] bool any_abandoned();

// Each has the signature that libnats asks for.

template <ForwardedMessage::Source way>
void message(natsConnection* connection, natsSubscription* subscription, natsMsg* message,
             void* closure);
void lost(natsConnection* connection, void* closure);
void back(natsConnection* connection, void* closure);
void closed(natsConnection* connection, void* closure);
void complained(natsConnection* connection, natsSubscription* subscription, natsStatus status,
                void* closure);

/// How long to wait before the next attempt, in milliseconds.
std::int64_t pause(natsConnection* connection, int attempts, void* closure);

}  // namespace hallway::link::callbacks
