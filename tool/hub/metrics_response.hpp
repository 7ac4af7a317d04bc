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

/// Gives the metrics of this moment. Called on the loop's thread.
using CollectMetrics = std::function<std::vector<prometheus::MetricFamily>()>;

/// For the whole of a request, and from then on for the whole of its response.
constexpr Duration metrics_request_time = std::chrono::seconds(5);

/// Served at once; others wait.
constexpr std::size_t max_metrics_clients = 16;

/// Answers a request that has ended, one way or the other. Empty: it is cut without an answer.
std::string metrics_response(const HttpRequestHead& request, const CollectMetrics& collect);

}  // namespace hallway::tool
