// SPDX-License-Identifier: Apache-2.0
//
// The exact error texts of a NATS server: clients match on them, some on lower-case forms. Observed
// with nats-server 2.9.10, unless stated otherwise.
#pragma once

#include <cstdint>
#include <string>

#include <hallway/bytes.hpp>

#include "wire/nats_operation.hpp"

namespace hallway::nats {

/// Why a parser stops. Each error ends the connection, because it is unknown where the next
/// operation would begin.
enum class ProtocolError : std::uint8_t {
  none,
  unknown_operation,      ///< no such verb, or a payload that does not end with CR LF
  malformed_arguments,    ///< too few or too many, or a size that is not a valid number
  control_line_too_long,  ///< the arguments of one line are over the limit
  payload_too_large,      ///< by the size in its line; the parser does not wait for the payload
};

namespace errors {

// These end the connection.
inline constexpr ByteView unknown_operation = "Unknown Protocol Operation";
inline constexpr ByteView control_line_too_long = "maximum control line exceeded";
inline constexpr ByteView payload_too_large = "Maximum Payload Violation";
inline constexpr ByteView authorization_violation = "Authorization Violation";
inline constexpr ByteView authentication_timeout = "Authentication Timeout";
inline constexpr ByteView stale_connection = "Stale Connection";
inline constexpr ByteView too_many_connections = "maximum connections exceeded";
inline constexpr ByteView invalid_client_protocol = "invalid client protocol";
inline constexpr ByteView no_responders_without_headers = "no responders requires headers support";
inline constexpr ByteView slow_consumer = "Slow Consumer";  // nats-server only logs it
inline constexpr ByteView unknown_policy = "unknown policy for full queues";  // hub only
inline constexpr ByteView no_memory_left =
    "no memory left for this message: its user has used its share";  // hub only

// These also end the connection. nats-server closes silently, or only logs the error.
inline constexpr ByteView headers_not_supported = "message headers not supported";
inline constexpr ByteView malformed_connect =
    "Parser Error: CONNECT takes one JSON object, of at most 64 values in each other";
std::string malformed_member(ByteView name);
std::string client_error(ByteView text);

// The connection continues after these.
inline constexpr ByteView invalid_subject = "Invalid Subject";                  // of a SUB
inline constexpr ByteView invalid_publish_subject = "Invalid Publish Subject";  // of a PUB
inline constexpr ByteView invalid_reply_subject = "Invalid Reply Subject";      // hub only
inline constexpr ByteView invalid_queue_name = "Invalid Queue Name";            // hub only
inline constexpr ByteView too_many_subscriptions = "maximum subscriptions exceeded";

/// The connection continues after these. What the peer sent is escaped as for a terminal.
std::string publish_violation(ByteView subject);
std::string subscription_violation(ByteView subject, ByteView queue);
std::string too_many_tokens(ByteView subject);

}  // namespace errors

/// The text to send before the connection is closed. For malformed_arguments, nats-server sends
/// nothing; a hub states what the verb takes.
/// @param verb  of the operation that could not be parsed
ByteView text_of(ProtocolError error, Verb verb) noexcept;

}  // namespace hallway::nats
