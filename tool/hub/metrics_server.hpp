// SPDX-License-Identifier: Apache-2.0
//
// Serves metrics over HTTP in Prometheus' text format, on TCP or on a Unix socket, with the small
// part of HTTP that a GET needs. Both run on the loop and serve one request per connection.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include <hallway/error.hpp>
#include <hallway/limits.hpp>
#include <hallway/loop.hpp>
#include <hallway/server.hpp>

#include "hub/hub_config.hpp"
#include "hub/metrics_response.hpp"

namespace hallway::tool {

/// What to do, and what to call, when the path of the Unix socket is lost or regained.
struct PathEvents {
  PathLost policy = PathLost::report;
  std::function<void(const ServerEvent&)> on_event = {};
};

class MetricsServer {
 public:
  virtual ~MetricsServer() = default;

  /// In the form of write_metrics_address(), with the port that the kernel chose for port 0.
  [[nodiscard]] virtual std::string address() const = 0;

  /// Opens what `config.address` names.
  static Result<std::unique_ptr<MetricsServer>> open(Loop& loop, const MetricsConfig& config,
                                                     CollectMetrics collect, PathEvents path);
};

}  // namespace hallway::tool
