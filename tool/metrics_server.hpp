// SPDX-License-Identifier: Apache-2.0
//
// Where metrics are fetched by HTTP, in Prometheus' text form.
//
// Over TCP prometheus-cpp serves them itself, on a thread of its own: Hallway opens no Internet
// sockets. That server knows no Unix sockets, so those are Hallway's, with the few lines of HTTP
// that a GET takes.
#pragma once

#include <prometheus/metric_family.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <hallway/error.hpp>
#include <hallway/loop.hpp>

#include "hub_config.hpp"

namespace hallway::tool {

/// Gives the metrics of this moment. Called on the loop's thread.
using CollectMetrics = std::function<std::vector<prometheus::MetricFamily>()>;

class MetricsServer {
 public:
  virtual ~MetricsServer() = default;

  /// Printed, with the port the kernel chose for port 0.
  [[nodiscard]] virtual std::string address() const = 0;

  /// Opens what `config.address` names.
  static Result<std::unique_ptr<MetricsServer>> open(Loop& loop, const MetricsConfig& config,
                                                     CollectMetrics collect);
};

}  // namespace hallway::tool
