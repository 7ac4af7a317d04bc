// SPDX-License-Identifier: Apache-2.0
//
// Metrics over TCP, for a Prometheus that scrapes over the network. The library knows Unix sockets
// only; this is the one Internet socket of the command, and it waits for nothing but the loop.
#pragma once

#include <memory>

#include <hallway/error.hpp>
#include <hallway/loop.hpp>

#include "hub/metrics_address.hpp"
#include "hub/metrics_response.hpp"
#include "hub/metrics_server.hpp"

namespace hallway::tool {

/// Listens there and answers until what is returned is destroyed.
/// @errors the kernel's, with words for address_in_use, address_not_available, permission_denied
///         and address_family_not_supported
Result<std::unique_ptr<MetricsServer>> open_tcp_metrics(Loop& loop, const TcpAddress& address,
                                                        CollectMetrics collect);

}  // namespace hallway::tool
