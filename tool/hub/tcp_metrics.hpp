// SPDX-License-Identifier: Apache-2.0
//
// Metrics over TCP, for a Prometheus that scrapes over the network. The library has TCP for the
// clients of a hub only. It never blocks outside the loop.
#pragma once

#include <memory>

#include <hallway/error.hpp>
#include <hallway/loop.hpp>

#include "hub/metrics_address.hpp"
#include "hub/metrics_response.hpp"
#include "hub/metrics_server.hpp"

namespace hallway::tool {

/// Listens at the address and serves until the returned object is destroyed.
/// @errors the kernel's, with texts for address_in_use, address_not_available, permission_denied
///         and address_family_not_supported
Result<std::unique_ptr<MetricsServer>> open_tcp_metrics(Loop& loop, const TcpAddress& address,
                                                        CollectMetrics collect);

}  // namespace hallway::tool
