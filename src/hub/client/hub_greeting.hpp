// SPDX-License-Identifier: Apache-2.0
//
// What server and client send as JSON objects: the first lines, INFO and CONNECT, and a hub's
// counts. We read and write only the members that we use. Pure.
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
  std::size_t max_payload = SIZE_MAX;                            ///< bytes, including the header
  bool headers = false;                                          ///< accepts messages with headers
  bool leaving = false;                                          ///< will soon close connections
  bool hallway = false;                                          ///< a hub of ours
  std::size_t control_line = nats::ParserLimits{}.control_line;  ///< longest accepted line, bytes

  /// @return nullopt if `text` is not a JSON object
  static std::optional<ServerInfo> parse(ByteView text);
};

/// A hub's answer to $SYS.HUB.DELIVERED or $SYS.HUB.MATCHES.
/// @return nullopt if `text` is not one
std::optional<MatchCount> parse_match_count(ByteView text);

/// A client's CONNECT.
/// @param seen  how many messages a link received over its last connection
std::string greeting_of(const ClientOptions& options, std::uint64_t seen = 0);

}  // namespace hallway::hub
