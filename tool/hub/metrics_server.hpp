// SPDX-License-Identifier: Apache-2.0
//
// Where metrics are fetched by HTTP, in Prometheus' text form: over TCP or on a Unix socket, with
// the few lines of HTTP that a GET takes. Both answer on the loop, one request a connection.
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

/// What is done, and who is told, when the path of the Unix socket is lost or regained.
struct PathEvents {
  PathLost policy = PathLost::report;
  std::function<void(const ServerEvent&)> on_event = {};
};

class MetricsServer {
 public:
  virtual ~MetricsServer() = default;

  /// As write_metrics_address() has it, with the port the kernel chose for port 0.
  [[nodiscard]] virtual std::string address() const = 0;

  /// Opens what `config.address` names.
  static Result<std::unique_ptr<MetricsServer>> open(Loop& loop, const MetricsConfig& config,
                                                     CollectMetrics collect, PathEvents path);
};

}  // namespace hallway::tool
