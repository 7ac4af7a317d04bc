// SPDX-License-Identifier: Apache-2.0
//
// Recognizes IP addresses with ports, and texts that are probably meant as one. Where the path of a
// Unix socket is expected, such a text would silently become a file name.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace hallway::tool {

/// Begins an address over TCP.
inline constexpr std::string_view tcp_scheme = "tcp:";

struct IpEndpoint {
  std::string host;  ///< without brackets, as inet_pton(3) reads it
  std::uint16_t port = 0;
  bool is_v6 = false;
  bool is_loopback = false;  ///< only this machine can reach it: 127.0.0.0/8, ::1
};

/// Reads "127.0.0.1:9464" or "[::1]:9464". Returns nullopt for anything else, including host names.
std::optional<IpEndpoint> read_ip_endpoint(std::string_view text);

/// Why a path is probably meant for TCP, such as "a port alone"; nullopt if it is not. A path that
/// starts with "." or "/" never is.
std::optional<std::string> meant_for_tcp(std::string_view path);

}  // namespace hallway::tool
