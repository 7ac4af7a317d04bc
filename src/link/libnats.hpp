// SPDX-License-Identifier: Apache-2.0
//
// Owners of what libnats makes, and what it says.
#pragma once

#include <nats/nats.h>

#include <cstdint>
#include <memory>
#include <string>

#include <hallway/limits.hpp>

#include "link/forwarded_message.hpp"

namespace hallway::link {

template <auto destroy>
struct Destroy {
  template <typename T>
  void operator()(T* object) const noexcept {
    destroy(object);
  }
};

using NatsOptions = std::unique_ptr<natsOptions, Destroy<natsOptions_Destroy>>;
using NatsConnection = std::unique_ptr<natsConnection, Destroy<natsConnection_Destroy>>;
using NatsSubscription = std::unique_ptr<natsSubscription, Destroy<natsSubscription_Destroy>>;
using NatsMessage = std::unique_ptr<natsMsg, Destroy<natsMsg_Destroy>>;
using NatsStatistics = std::unique_ptr<natsStatistics, Destroy<natsStatistics_Destroy>>;

/// A time as it takes them. Zero would mean that there is no end.
std::int64_t milliseconds(Duration time);

/// What it says of an error without the place in its sources, as "(conn.c:1905): ", in front.
std::string without_position(std::string said);

/// What the last call of this thread that failed says about it.
std::string why(natsStatus status);

/// Until the server has had all that was published: it has answered a PING.
///
/// natsConnection_FlushTimeout() says NATS_OK, too, when it could not write that PING, because
/// _sendPing() in its conn.c (3.4.1) tells nobody; but then the thread's last error is another.
natsStatus flush(natsConnection* connection, std::int64_t milliseconds);

/// nullptr: its header or subject is none to be sent.
NatsMessage to_nats(const ForwardedMessage& message);
ForwardedMessage from_nats(natsMsg* message, ForwardedMessage::Source way);

}  // namespace hallway::link
