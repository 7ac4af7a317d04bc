// SPDX-License-Identifier: Apache-2.0
#include "hub/hub_metrics.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>

#include <hallway/bytes.hpp>
#include <hallway/version.hpp>

#include "io/escape.hpp"

namespace hallway::tool {

namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;

using Labels = std::vector<ClientMetric::Label>;

/// Maximum bytes of a client's text in a label.
constexpr std::size_t longest_label = 128;

ClientMetric metric(MetricType type, double value, Labels labels) {
  ClientMetric metric;
  metric.label = std::move(labels);
  (type == MetricType::Counter ? metric.counter.value : metric.gauge.value) = value;
  return metric;
}
ClientMetric metric(MetricType type, std::uint64_t value, Labels labels) {
  return metric(type, static_cast<double>(value), std::move(labels));
}

/// A metric of `Of`.
template <typename Of, typename Value = std::uint64_t Of::*>
struct Metric {
  const char* name;
  const char* help;
  MetricType type;
  Value value;
};

constexpr auto of_hub = std::to_array<Metric<HubStatistics>>({
    {"hallway_hub_connections", "Open connections.", MetricType::Gauge,
     &HubStatistics::connections},
    {"hallway_hub_subscriptions", "Active subscriptions.", MetricType::Gauge,
     &HubStatistics::subscriptions},
    {"hallway_hub_connections_total", "Connections since the hub started.", MetricType::Counter,
     &HubStatistics::connections_total},
    {"hallway_hub_published_messages_total", "Messages published.", MetricType::Counter,
     &HubStatistics::messages_in},
    {"hallway_hub_published_bytes_total", "Bytes of published headers and payloads.",
     MetricType::Counter, &HubStatistics::bytes_in},
    {"hallway_hub_delivered_messages_total", "Messages handed to connections.", MetricType::Counter,
     &HubStatistics::messages_out},
    {"hallway_hub_delivered_bytes_total", "Bytes handed to connections, including protocol lines.",
     MetricType::Counter, &HubStatistics::bytes_out},
    {"hallway_hub_dropped_messages_total",
     "Messages dropped from full queues; each is in a gap notice.", MetricType::Counter,
     &HubStatistics::dropped},
    {"hallway_hub_superseded_messages_total", "Messages replaced by a later one of their subject.",
     MetricType::Counter, &HubStatistics::superseded},
    {"hallway_hub_slow_consumers_total", "Connections closed because they did not read.",
     MetricType::Counter, &HubStatistics::slow_consumers},
    {"hallway_hub_violations_total", "Attempts to publish or subscribe without permission.",
     MetricType::Counter, &HubStatistics::violations},
    {"hallway_hub_answers_refused_total",
     "Answers from the cluster to clients that are gone or not permitted to get them.",
     MetricType::Counter, &HubStatistics::answers_refused},
    {"hallway_hub_retained_values", "Retained values.", MetricType::Gauge,
     &HubStatistics::retained},
    {"hallway_hub_retained_bytes", "Memory of the retained values.", MetricType::Gauge,
     &HubStatistics::retained_memory},
    {"hallway_hub_retained_evicted_total",
     "Retained values lost because a limit was reached, or for lack of memory.",
     MetricType::Counter, &HubStatistics::retained_evicted},
});

constexpr auto of_link = std::to_array<Metric<LinkStatistics>>({
    {"hallway_link_out_messages_total", "Messages a NATS server confirmed.", MetricType::Counter,
     &LinkStatistics::out},
    {"hallway_link_in_messages_total", "Messages from the cluster published in the hub.",
     MetricType::Counter, &LinkStatistics::in},
    {"hallway_link_dropped_out_messages_total", "Messages lost on their way to the cluster.",
     MetricType::Counter, &LinkStatistics::dropped_out},
    {"hallway_link_dropped_in_messages_total", "Messages lost on their way from the cluster.",
     MetricType::Counter, &LinkStatistics::dropped_in},
    {"hallway_link_refused_in_messages_total",
     "Messages from the cluster that match no import, or no subscription of the link.",
     MetricType::Counter, &LinkStatistics::refused_in},
    {"hallway_link_refused_out_messages_total",
     "Answers to the cluster on subjects that the link did not issue.", MetricType::Counter,
     &LinkStatistics::refused_out},
    {"hallway_link_unconfirmed_messages_total",
     "Messages sent to a server that went away; they may have arrived.", MetricType::Counter,
     &LinkStatistics::unconfirmed},
    {"hallway_link_kept_messages", "Messages waiting to be sent to the cluster.", MetricType::Gauge,
     &LinkStatistics::kept},
    {"hallway_link_loops_stopped_total",
     "Messages not forwarded because they had crossed the link before.", MetricType::Counter,
     &LinkStatistics::loops_stopped},
    {"hallway_link_connects_total", "Connections made to NATS servers.", MetricType::Counter,
     &LinkStatistics::connects},
});

constexpr auto of_link_account = std::to_array<Metric<LinkAccountStatistics>>({
    {"hallway_link_account_out_messages_total", "Messages of an account a NATS server confirmed.",
     MetricType::Counter, &LinkAccountStatistics::out},
    {"hallway_link_account_dropped_out_messages_total",
     "Messages of an account lost on their way to the cluster.", MetricType::Counter,
     &LinkAccountStatistics::dropped_out},
    {"hallway_link_account_unconfirmed_messages_total",
     "Messages of an account sent to a server that went away; they may have arrived.",
     MetricType::Counter, &LinkAccountStatistics::unconfirmed},
    {"hallway_link_account_kept_messages", "Messages of an account waiting to be sent.",
     MetricType::Gauge, &LinkAccountStatistics::kept},
    {"hallway_link_account_connects_total", "Connections made to NATS servers for an account.",
     MetricType::Counter, &LinkAccountStatistics::connects},
});

constexpr auto of_subscription = std::to_array<Metric<SubscriptionStatistics>>({
    {"hallway_hub_subscription_waiting_messages", "Messages waiting for a subscription.",
     MetricType::Gauge, &SubscriptionStatistics::waiting},
    {"hallway_hub_subscription_delivered_messages_total", "Messages delivered to a subscription.",
     MetricType::Counter, &SubscriptionStatistics::delivered},
    {"hallway_hub_subscription_delivered_bytes_total",
     "Bytes of messages delivered to a subscription.", MetricType::Counter,
     &SubscriptionStatistics::bytes},
    {"hallway_hub_subscription_dropped_messages_total", "Messages lost by a subscription.",
     MetricType::Counter, &SubscriptionStatistics::dropped},
    {"hallway_hub_subscription_superseded_messages_total",
     "Messages replaced by a later one before their delivery.", MetricType::Counter,
     &SubscriptionStatistics::superseded},
});

constexpr auto of_user = std::to_array<Metric<UserStatistics, double (*)(const UserStatistics&)>>({
    {"hallway_hub_user_connections",
     "Connections of a user, including closed ones with unread bytes.", MetricType::Gauge,
     [](const UserStatistics& user) { return static_cast<double>(user.connections); }},
    {"hallway_hub_user_subscriptions", "Subscriptions of a user.", MetricType::Gauge,
     [](const UserStatistics& user) { return static_cast<double>(user.subscriptions); }},
    {"hallway_hub_user_memory_bytes", "Memory that a user makes the hub keep.", MetricType::Gauge,
     [](const UserStatistics& user) { return static_cast<double>(user.memory); }},
    {"hallway_hub_user_memory_share_bytes", "Memory that a user may make the hub keep now.",
     MetricType::Gauge,
     [](const UserStatistics& user) { return static_cast<double>(user.memory_share); }},
    {"hallway_hub_user_loop_seconds_total", "Time the hub spent on the input of a user.",
     MetricType::Counter,
     [](const UserStatistics& user) {
       return std::chrono::duration<double>(user.loop_time).count();
     }},
    {"hallway_hub_user_held_back_total",
     "How often a user had to wait for its turn, a reader or memory.", MetricType::Counter,
     [](const UserStatistics& user) { return static_cast<double>(user.held_back); }},
    {"hallway_hub_user_retained_values", "Retained values that a user published.",
     MetricType::Gauge,
     [](const UserStatistics& user) { return static_cast<double>(user.retained); }},
    {"hallway_hub_user_retained_bytes", "Memory of the retained values that a user published.",
     MetricType::Gauge,
     [](const UserStatistics& user) { return static_cast<double>(user.retained_memory); }},
    {"hallway_hub_user_retained_evicted_total", "Retained values that a user lost to a limit.",
     MetricType::Counter,
     [](const UserStatistics& user) { return static_cast<double>(user.retained_evicted); }},
});

/// A label with bytes that a client has chosen. Prometheus' text format escapes only a quote, a
/// backslash and a line feed. Bytes that are not UTF-8, or that could control the terminal that
/// shows the page, become the label NAME_base64, as with --json.
ClientMetric::Label label_of(const std::string& name, std::string_view bytes) {
  const std::string_view shown = beginning_of(bytes, longest_label);
  const char* const rest = shown.size() < bytes.size() ? "..." : "";
  if (printable(shown) == shown) return {name, std::string(shown) + rest};
  return {name + "_base64", base64(shown) + rest};
}

/// A reader of the metrics must not learn the name of a client's inbox, because a client that knows
/// it can answer in the place of others. A pattern that matches many inboxes reveals no name.
std::string_view without_inbox_name(std::string_view subject) {
  constexpr std::string_view prefix = "_INBOX.";
  if (!subject.starts_with(prefix)) return subject;
  const std::string_view name = subject.substr(prefix.size());
  const bool is_pattern = name == ">" || name == "*" || name.starts_with("*.");
  return is_pattern ? subject : "_INBOX.*";
}

Labels labels_of(const SubscriptionStatistics& of) {
  return {{"connection", std::to_string(of.connection)},
          {"pid", std::to_string(of.peer.pid)},
          {"uid", std::to_string(of.peer.uid)},
          label_of("subject", without_inbox_name(of.subject)),
          label_of("group", of.group),
          {"policy", std::string(to_string(of.overflow))}};
}

bool in_trouble(const SubscriptionStatistics& one) { return one.waiting > 0 || one.dropped > 0; }

/// Orders the subscriptions with most trouble first.
bool worse(const SubscriptionStatistics& one, const SubscriptionStatistics& other) {
  return std::tie(one.waiting, one.dropped) > std::tie(other.waiting, other.dropped);
}

/// Merges subscriptions with equal labels: one connection may hold several to one subject, but a
/// time series must not appear twice.
std::map<Labels, SubscriptionStatistics> by_labels(
    const std::vector<SubscriptionStatistics>& subscriptions) {
  std::map<Labels, SubscriptionStatistics> all;
  for (const SubscriptionStatistics& one : subscriptions) {
    SubscriptionStatistics& sum = all[labels_of(one)];
    for (const auto& metric : of_subscription) sum.*metric.value += one.*metric.value;
  }
  return all;
}

MetricFamily family(const char* name, const char* help, MetricType type) {
  return {.name = name, .help = help, .type = type, .metric = {}};
}

MetricFamily alone(const char* name, const char* help, MetricType type, std::uint64_t value,
                   Labels labels) {
  MetricFamily one = family(name, help, type);
  one.metric.push_back(metric(type, value, std::move(labels)));
  return one;
}

}  // namespace

std::vector<MetricFamily> hub_metrics(const HubStatistics& hub,
                                      std::vector<SubscriptionStatistics> subscriptions,
                                      std::size_t most) {
  std::vector<MetricFamily> families{alone("hallway_build_info", "The version of this command.",
                                           MetricType::Gauge, 1, {{"version", version}})};
  for (const auto& of : of_hub) {
    families.push_back(alone(of.name, of.help, of.type, hub.*of.value, {}));
  }
  std::erase_if(subscriptions, [](const auto& one) { return !in_trouble(one); });
  std::ranges::sort(subscriptions, worse);
  const std::size_t shown = std::min(most, subscriptions.size());
  families.push_back(alone("hallway_hub_subscriptions_not_shown",
                           "Subscriptions with waiting or lost messages that are not listed.",
                           MetricType::Gauge, subscriptions.size() - shown, {}));
  subscriptions.resize(shown);
  const auto troubled = by_labels(subscriptions);
  for (const auto& of : of_subscription) {
    MetricFamily one = family(of.name, of.help, of.type);
    for (const auto& [labels, counters] : troubled) {
      one.metric.push_back(metric(of.type, counters.*of.value, labels));
    }
    if (!one.metric.empty()) families.push_back(std::move(one));
  }
  return families;
}

std::vector<MetricFamily> user_metrics(const std::vector<UserStatistics>& users) {
  std::vector<MetricFamily> families;
  for (const auto& of : of_user) {
    MetricFamily one = family(of.name, of.help, of.type);
    for (const UserStatistics& user : users) {
      one.metric.push_back(metric(of.type, of.value(user), {{"uid", std::to_string(user.uid)}}));
    }
    if (!one.metric.empty()) families.push_back(std::move(one));
  }
  return families;
}

std::vector<MetricFamily> link_metrics(const LinkStatistics& link) {
  std::vector<MetricFamily> families{alone("hallway_link_up", "Whether the link is connected.",
                                           MetricType::Gauge, link.up ? 1 : 0, {})};
  for (const auto& of : of_link) {
    families.push_back(alone(of.name, of.help, of.type, link.*of.value, {}));
  }
  if (link.accounts.empty()) return families;
  const auto labels = [](const LinkAccountStatistics& account) {
    return std::vector<ClientMetric::Label>{label_of("account", account.name)};
  };
  MetricFamily up = family("hallway_link_account_up", "Whether an account's connection is there.",
                           MetricType::Gauge);
  for (const LinkAccountStatistics& account : link.accounts) {
    up.metric.push_back(metric(MetricType::Gauge, std::uint64_t{account.up}, labels(account)));
  }
  families.push_back(std::move(up));
  for (const auto& of : of_link_account) {
    MetricFamily one = family(of.name, of.help, of.type);
    for (const LinkAccountStatistics& account : link.accounts) {
      one.metric.push_back(metric(of.type, account.*of.value, labels(account)));
    }
    families.push_back(std::move(one));
  }
  return families;
}

}  // namespace hallway::tool
