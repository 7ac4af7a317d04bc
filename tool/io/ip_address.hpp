// SPDX-License-Identifier: Apache-2.0
//
// IP addresses with ports, and what people write where they mean one. Hallway listens on Unix
// sockets; where a path is expected, such a word would silently become the name of a file.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace hallway::tool {

struct IpEndpoint {
  std::string host;  ///< without brackets, as inet_pton(3) reads it
  std::uint16_t port = 0;
  bool is_v6 = false;
};

/// Reads "127.0.0.1:9464" or "[::1]:9464". Nothing: it is anything else, a host's name included.
std::optional<IpEndpoint> read_ip_endpoint(std::string_view text);

/// Why a relative path is more likely meant for TCP: "it has no port". Nothing: it is not. One that
/// starts with "./" never is.
std::optional<std::string> meant_for_tcp(std::string_view path);

}  // namespace hallway::tool
