// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <fstream>
#include <functional>
#include <string>

#include "directory.hpp"
#include "fanout.hpp"

namespace bench {

/// Becomes a nats-server at `port`, whose configuration is in `directory`.
inline std::function<void()> nats_server(const Directory& directory, std::uint16_t port) {
  const std::string configuration = directory.path() + "/nats.conf";
  // It disconnects no client for being slow, and sends no PING.
  std::ofstream(configuration) << "listen: 127.0.0.1:" << port
                               << "\nmax_pending: 1GB\nping_interval: \"10m\"\n";
  return [configuration] { become({NATS_SERVER, "-c", configuration}); };
}

}  // namespace bench
