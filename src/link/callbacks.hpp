// SPDX-License-Identifier: Apache-2.0
//
// The callbacks that libnats calls on its own threads. It may call them after a connection was
// destroyed, so it gets a number to look up instead of a pointer.
#pragma once

#include <cstdint>

#include <hallway/limits.hpp>

#include "link/cluster_state.hpp"
#include "link/forwarded_message.hpp"
#include "link/libnats.hpp"

namespace hallway::link::callbacks {

using Number = std::uintptr_t;

/// @return the number by which callbacks find the state, until unregister_state()
Number register_state(const ClusterState::Shared& state);
void unregister_state(Number number);

/// A number in the form that libnats passes to callbacks.
void* closure(Number number);

/// Counts a subscription until libnats has released it.
void follow(natsSubscription* subscription);

/// Blocking: until libnats has released all counted subscriptions, for `within` at most.
void wait_until_gone(Duration within);

/// Records that a thread that uses libnats was detached; it may run until the program ends.
void abandon();
[[nodiscard]] bool any_abandoned();

// Each has the signature that libnats requires.

template <ForwardedMessage::Source way>
void message(natsConnection* connection, natsSubscription* subscription, natsMsg* message,
             void* closure);
void lost(natsConnection* connection, void* closure);
void back(natsConnection* connection, void* closure);
void closed(natsConnection* connection, void* closure);
void complained(natsConnection* connection, natsSubscription* subscription, natsStatus status,
                void* closure);

/// Time to wait before the next attempt to connect, in milliseconds.
std::int64_t pause(natsConnection* connection, int attempts, void* closure);

}  // namespace hallway::link::callbacks
