// SPDX-License-Identifier: Apache-2.0
//
// Owners for libnats' objects, and conversions of its messages and error texts.
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

/// A time as libnats takes it, at least 1: it would take zero as no limit.
std::int64_t milliseconds(Duration time);

/// A libnats error text without its source position, such as "(conn.c:1905): ".
std::string without_position(std::string text);

/// The text of this thread's last libnats error if it is `status`, else the text of `status`.
std::string why(natsStatus status);

/// Blocking: until the server has answered a PING, which shows that it has received everything
/// published before.
///
/// natsConnection_FlushTimeout() also returns NATS_OK if it could not write that PING, because
/// _sendPing() in libnats' conn.c (3.4.1) does not report it. The thread's last error shows it.
natsStatus flush(natsConnection* connection, std::int64_t milliseconds);

/// @return nullptr if the subject or a header field cannot be sent
NatsMessage to_nats(const ForwardedMessage& message);
ForwardedMessage from_nats(natsMsg* message, ForwardedMessage::Source way);

}  // namespace hallway::link
