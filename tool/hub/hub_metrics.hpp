// SPDX-License-Identifier: Apache-2.0
//
// A hub's statistics as Prometheus metrics. Pure.
//
// Each label value makes a time series that Prometheus keeps for weeks, and clients choose the
// subjects. Only subscriptions in trouble, with waiting or lost messages, therefore get metrics of
// their own, and of those only the worst few. The number of the others is one metric.
#pragma once

#include <prometheus/metric_family.h>

#include <cstddef>
#include <vector>

#include <hallway/hub.hpp>
#include <hallway/link.hpp>

namespace hallway::tool {

/// @param most  maximum number of subscriptions that get metrics of their own
std::vector<prometheus::MetricFamily> hub_metrics(const HubStatistics& hub,
                                                  std::vector<SubscriptionStatistics> subscriptions,
                                                  std::size_t most);

/// What each user occupies and has used.
std::vector<prometheus::MetricFamily> user_metrics(const std::vector<UserStatistics>& users);

/// The metrics of the hub's link.
std::vector<prometheus::MetricFamily> link_metrics(const LinkStatistics& link);

}  // namespace hallway::tool
