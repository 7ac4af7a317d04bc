// SPDX-License-Identifier: Apache-2.0
//
// A hub's statistics as Prometheus takes them. Pure.
//
// Every label value is a time series that is kept for weeks, and clients choose subjects: so one
// by one are shown only subscriptions that are in trouble, because messages wait for them or were
// lost, and of those a few, the worst. How many more there are is a number.
#pragma once

#include <prometheus/metric_family.h>

#include <cstddef>
#include <vector>

#include <hallway/hub.hpp>
#include <hallway/link.hpp>

namespace hallway::tool {

/// @param most  subscriptions that are shown one by one
std::vector<prometheus::MetricFamily> hub_metrics(const HubStatistics& hub,
                                                  std::vector<SubscriptionStatistics> subscriptions,
                                                  std::size_t most);

/// What each user takes up and has taken.
std::vector<prometheus::MetricFamily> user_metrics(const std::vector<UserStatistics>& users);

/// Those of its link.
std::vector<prometheus::MetricFamily> link_metrics(const LinkStatistics& link);

}  // namespace hallway::tool
