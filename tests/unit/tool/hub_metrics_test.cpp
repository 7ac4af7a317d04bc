// SPDX-License-Identifier: Apache-2.0
#include "tool/hub/hub_metrics.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <prometheus/text_serializer.h>

#include <cstdint>
#include <string>
#include <vector>

namespace hallway::tool {

namespace {

using testing::HasSubstr;
using testing::Not;

std::string text(const HubStatistics& hub, std::vector<SubscriptionStatistics> subscriptions,
                 std::size_t most = 20) {
  return prometheus::TextSerializer().Serialize(hub_metrics(hub, std::move(subscriptions), most));
}

SubscriptionStatistics subscription(std::uint64_t connection, std::string subject,
                                    std::uint64_t waiting, std::uint64_t dropped) {
  return {.connection = connection,
          .peer = {.uid = 1000, .gid = 1000, .pid = 4711},
          .subject = std::move(subject),
          .group = {},
          .overflow = OverflowPolicy::drop_oldest,
          .waiting = waiting,
          .delivered = 7,
          .bytes = 70,
          .dropped = dropped,
          .superseded = 0};
}

TEST(HubMetrics, each_statistic_of_the_hub_is_a_metric) {
  const std::string shown = text({.connections = 1,
                                  .subscriptions = 2,
                                  .connections_total = 3,
                                  .messages_in = 4,
                                  .bytes_in = 5,
                                  .messages_out = 6,
                                  .bytes_out = 7,
                                  .dropped = 8,
                                  .superseded = 9,
                                  .slow_consumers = 10,
                                  .violations = 11,
                                  .answers_refused = 12,
                                  .retained = 13,
                                  .retained_memory = 14,
                                  .retained_evicted = 15},
                                 {});
  for (const char* line :
       {"connections 1", "subscriptions 2", "connections_total 3", "published_messages_total 4",
        "published_bytes_total 5", "delivered_messages_total 6", "delivered_bytes_total 7",
        "dropped_messages_total 8", "superseded_messages_total 9", "slow_consumers_total 10",
        "violations_total 11", "answers_refused_total 12", "retained_values 13",
        "retained_bytes 14", "retained_evicted_total 15", "subscriptions_not_shown 0"}) {
    EXPECT_THAT(shown, HasSubstr("\nhallway_hub_" + std::string(line) + "\n"));
  }
  EXPECT_THAT(shown, HasSubstr("hallway_build_info{version=\""));
  EXPECT_THAT(shown, HasSubstr("# TYPE hallway_hub_connections gauge"));
  EXPECT_THAT(shown, HasSubstr("# TYPE hallway_hub_connections_total counter"));
}

TEST(HubMetrics, each_user_has_its_own) {
  const std::string shown = prometheus::TextSerializer().Serialize(
      user_metrics({{.uid = 1000,
                     .connections = 1,
                     .subscriptions = 2,
                     .memory = 3,
                     .memory_share = 4,
                     .loop_time = std::chrono::milliseconds(5500),
                     .held_back = 6,
                     .retained = 7,
                     .retained_memory = 8,
                     .retained_evicted = 9},
                    {.uid = 0}}));
  for (const char* line :
       {"connections{uid=\"1000\"} 1", "subscriptions{uid=\"1000\"} 2",
        "memory_bytes{uid=\"1000\"} 3", "memory_share_bytes{uid=\"1000\"} 4",
        "loop_seconds_total{uid=\"1000\"} 5.5", "held_back_total{uid=\"1000\"} 6",
        "retained_values{uid=\"1000\"} 7", "retained_bytes{uid=\"1000\"} 8",
        "retained_evicted_total{uid=\"1000\"} 9", "connections{uid=\"0\"} 0"}) {
    EXPECT_THAT(shown, HasSubstr("\nhallway_hub_user_" + std::string(line) + "\n"));
  }
  EXPECT_TRUE(prometheus::TextSerializer().Serialize(user_metrics({})).empty());
}

TEST(HubMetrics, a_subscription_without_trouble_is_not_shown) {
  EXPECT_THAT(text({}, {subscription(1, "a", 0, 0)}), Not(HasSubstr("hub_subscription_")));
  const std::string shown = text({}, {subscription(1, "a", 0, 3), subscription(2, "b", 4, 0)});
  EXPECT_THAT(
      shown,
      HasSubstr("hallway_hub_subscription_dropped_messages_total{connection=\"1\",pid="
                "\"4711\",uid=\"1000\",subject=\"a\",group=\"\",policy=\"drop_oldest\"} 3\n"));
  EXPECT_THAT(shown, HasSubstr("subject=\"b\",group=\"\",policy=\"drop_oldest\"} 4\n"));
  EXPECT_THAT(shown, HasSubstr("subscription_delivered_messages_total{connection=\"1\""));
  EXPECT_THAT(shown, HasSubstr("subscription_delivered_bytes_total{connection=\"1\""));
}

TEST(HubMetrics, of_many_in_trouble_the_worst_are_shown_and_the_rest_are_counted) {
  std::vector<SubscriptionStatistics> many;
  for (std::uint64_t number = 1; number <= 1000; ++number) {
    many.push_back(subscription(number, "s" + std::to_string(number), number, 0));
  }
  const std::string shown = text({}, many, 2);
  EXPECT_THAT(shown, HasSubstr("\"s1000\""));
  EXPECT_THAT(shown, HasSubstr("\"s999\""));
  EXPECT_THAT(shown, Not(HasSubstr("\"s998\"")));
  EXPECT_THAT(shown, HasSubstr("hallway_hub_subscriptions_not_shown 998\n"));
}

TEST(HubMetrics, no_series_appears_twice) {
  const std::string shown = text({}, {subscription(1, "a", 2, 0), subscription(1, "a", 3, 0)});
  EXPECT_THAT(shown, HasSubstr("policy=\"drop_oldest\"} 5\n"));
  EXPECT_THAT(shown, Not(HasSubstr("policy=\"drop_oldest\"} 2\n")));
}

TEST(HubMetrics, a_subject_of_any_length_is_a_label_cut_where_a_character_ends) {
  const std::string shown = text({}, {subscription(1, "\"" + std::string(5000, 'x'), 1, 0)});
  EXPECT_THAT(shown, HasSubstr("subject=\"\\\"xxx"));
  EXPECT_THAT(shown, HasSubstr("xxx...\""));
  EXPECT_LT(shown.size(), 5000U);
  const std::string whole(127, 'x');
  EXPECT_THAT(text({}, {subscription(1, whole + "\u00e9", 1, 0)}),
              HasSubstr("subject=\"" + whole + "...\""));
}

TEST(HubMetrics, the_name_of_an_inbox_is_not_shown) {
  for (const char* inbox :
       {"_INBOX.secret", "_INBOX.secret.*", "_INBOX.secret.>", "_INBOX.*secret"}) {
    const std::string shown = text({}, {subscription(1, inbox, 1, 0)});
    EXPECT_THAT(shown, HasSubstr("subject=\"_INBOX.*\"")) << inbox;
    EXPECT_THAT(shown, Not(HasSubstr("secret"))) << inbox;
  }
  EXPECT_THAT(text({}, {subscription(1, "_INBOX.>", 1, 0)}), HasSubstr("subject=\"_INBOX.>\""));
  EXPECT_THAT(text({}, {subscription(1, "_INBOX.*.x", 1, 0)}), HasSubstr("subject=\"_INBOX.*.x\""));
  // Those of one connection are one series then.
  EXPECT_THAT(text({}, {subscription(1, "_INBOX.a", 2, 0), subscription(1, "_INBOX.b", 3, 0)}),
              HasSubstr("subject=\"_INBOX.*\",group=\"\",policy=\"drop_oldest\"} 5\n"));
}

TEST(HubMetrics, a_label_is_escaped_by_its_format_alone) {
  EXPECT_THAT(text({}, {subscription(1, "a\\x01b.\u00e9", 1, 0)}),
              HasSubstr("subject=\"a\\\\x01b.\u00e9\""));
}

TEST(HubMetrics, a_subject_that_is_not_harmless_text_is_a_label_in_base64) {
  for (const auto& [subject, label] :
       {std::pair<std::string, const char*>{"\xff", "subject_base64=\"/w==\""},
        {"a\x01", "subject_base64=\"YQE=\""},
        {std::string(1, '\0'), "subject_base64=\"AA==\""},
        {std::string("\xe2\x80") + '\xae', "subject_base64=\"4oCu\""},
        {std::string(200, '\x80'), "subject_base64=\"gICAgICA"}}) {
    EXPECT_THAT(text({}, {subscription(1, subject, 1, 0)}), HasSubstr(label));
  }
}

}  // namespace

}  // namespace hallway::tool
