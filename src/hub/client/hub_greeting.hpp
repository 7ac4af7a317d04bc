// SPDX-License-Identifier: Apache-2.0
//
// What server and client say of themselves first, in INFO and CONNECT: each one JSON object in a
// line, of which we read and write the few members that concern us. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include <hallway/bytes.hpp>
#include <hallway/hub_client.hpp>

#include "wire/nats_parser.hpp"

namespace hallway::hub {

/// A server's INFO.
struct ServerInfo {
  std::size_t max_payload = SIZE_MAX;                            ///< its headers counted
  bool headers = false;                                          ///< it takes messages with headers
  bool leaving = false;                                          ///< it closes its connections soon
  std::size_t control_line = nats::ParserLimits{}.control_line;  ///< longest line it takes

  /// nullopt: it is no JSON object.
  static std::optional<ServerInfo> parse(ByteView text);
};

/// A client's CONNECT.
/// @param seen  by a link, of the messages it was given over its last connection
std::string greeting_of(const HubClientOptions& options, std::uint64_t seen = 0);

}  // namespace hallway::hub
