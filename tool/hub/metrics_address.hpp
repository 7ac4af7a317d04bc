// SPDX-License-Identifier: Apache-2.0
//
// The address at which metrics are served: over TCP, or on a Unix socket to any process that may
// open it.
#pragma once

#include <string>
#include <string_view>
#include <variant>

#include <hallway/address.hpp>

#include "io/values.hpp"

namespace hallway::tool {

/// An IP address and a port: "127.0.0.1:9464", "[::1]:9464".
struct TcpAddress {
  std::string text;

  bool operator==(const TcpAddress&) const = default;
};

using MetricsAddress = std::variant<Address, TcpAddress>;

/// Reads "127.0.0.1:9464", "[::1]:9464", either with "tcp:" before it, or any address of a Unix
/// socket. A path has a slash, "unix:" before it, or ends in ".sock" or ".socket". Any other word
/// is refused because it is probably not meant as a path (":9464", "localhost:9464", "9464").
Read<MetricsAddress> read_metrics_address(std::string_view text);

/// "tcp:127.0.0.1:9464", "unix:/run/hub-metrics.sock". The bytes of a name are not escaped.
std::string write_metrics_address(const MetricsAddress& address);

}  // namespace hallway::tool
