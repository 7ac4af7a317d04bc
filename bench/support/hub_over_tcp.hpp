// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <utility>

#include "options.hpp"
#include "with_hallway.hpp"

namespace bench {

/// Runs a hub that listens at a path and at `port`.
inline void serve_hub_over_tcp(const Options& options, const std::string& path,
                               std::uint16_t port) {
  hallway::Loop loop;
  hallway::HubOptions how;
  how.listen = {"tcp:127.0.0.1:" + std::to_string(port)};
  how.limits.max_connections_per_uid =
      std::max(how.limits.max_connections_per_uid, options.subscribers + 1);
  const auto hub = require(hallway::Hub::start(loop, path, std::move(how)));
  loop.run();
}

}  // namespace bench
