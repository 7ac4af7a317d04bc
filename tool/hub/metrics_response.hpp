// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <prometheus/metric_family.h>

#include <chrono>
#include <functional>
#include <string>
#include <vector>

#include <hallway/limits.hpp>

#include "hub/http_request.hpp"

namespace hallway::tool {

/// Returns the current metrics. Called on the loop's thread.
using CollectMetrics = std::function<std::vector<prometheus::MetricFamily>()>;

/// Timeout for receiving a whole request. Sending its response has the same timeout again.
constexpr Duration metrics_request_time = std::chrono::seconds(5);

/// Clients served at the same time; others wait.
constexpr std::size_t max_metrics_clients = 16;

/// The response to a request that is whole or was refused. Empty: disconnect without a response.
std::string metrics_response(const HttpRequestHead& request, const CollectMetrics& collect);

}  // namespace hallway::tool
