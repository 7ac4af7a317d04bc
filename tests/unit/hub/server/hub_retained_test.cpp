// SPDX-License-Identifier: Apache-2.0
//
// What a new subscriber gets of what was published before.
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <regex>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "support/hub_serving.hpp"
#include "support/hub_thread.hpp"

namespace hallway {
namespace {

using namespace test;

constexpr std::string_view without_headers = "CONNECT {\"verbose\":false,\"headers\":false}\r\n";
constexpr std::string_view without_echo =
    "CONNECT {\"verbose\":false,\"headers\":true,\"echo\":false}\r\n";

class hub_retained : public HubServing {
 protected:
  static HubOptions retaining(std::vector<std::string> subjects, RetainLimits limits = {}) {
    HubOptions options;
    options.rules.retain.push_back({.subjects = std::move(subjects), .limits = limits});
    return options;
  }

  /// What a client gets, with AGE for each age, and without the sizes that depend on it.
  static std::string without_ages(const std::string& bytes) {
    static const std::regex age("Hallway-Retained: [0-9]+\\.[0-9]{3}\r\n");
    static const std::regex sizes("(HMSG [^ ]+ [^ ]+) [0-9]+ [0-9]+\r\n");
    return std::regex_replace(std::regex_replace(bytes, age, "Hallway-Retained: AGE\r\n"), sizes,
                              "$1\r\n");
  }

  /// A retained value for a client that accepts headers.
  static std::string retained(const std::string& subject, const std::string& sid,
                              const std::string& payload, const std::string& fields = "") {
    return "HMSG " + subject + " " + sid + "\r\nNATS/1.0\r\n" + fields +
           "Hallway-Retained: AGE\r\n\r\n" + payload + "\r\n";
  }

  /// What a client gets for a subscription, before anything else.
  std::string subscribed(RawStream& client, const std::string& subject,
                         const std::string& sid = "1") {
    return without_ages(answer(client, "SUB " + subject + " " + sid + "\r\n"));
  }

  /// The values of a plain client, in the order in which it gets them.
  std::string plain(const std::string& subject) {
    RawStream client = connect(without_headers);
    return answer(client, "SUB " + subject + " 1\r\n");
  }
};

TEST_F(hub_retained, values_come_in_the_order_in_which_they_were_published) {
  start(retaining({"state.>"}));
  RawStream publisher = connect();
  send(publisher,
       pub("state.b", "1") + pub("state.a", "2") + pub("other", "3") + pub("state.b", "4"));
  RawStream client = connect();
  EXPECT_EQ(subscribed(client, "state.*"),
            retained("state.a", "1", "2") + retained("state.b", "1", "4"));
  EXPECT_EQ(subscribed(client, "state.a", "2"), retained("state.a", "2", "2"));
  EXPECT_EQ(subscribed(client, "other", "3"), "");
  EXPECT_EQ(plain("state.*"), msg("state.a", "1", "2") + msg("state.b", "1", "4"));
  EXPECT_EQ(hub->statistics().retained, 2U);
}

TEST_F(hub_retained, a_message_that_is_published_later_has_no_age) {
  start(retaining({">"}));
  RawStream publisher = connect();
  RawStream client = connect();
  send(publisher, pub("a", "1"));
  EXPECT_EQ(subscribed(client, "a"), retained("a", "1", "1"));
  client.received.clear();
  send(publisher, pub("a", "2"));
  EXPECT_TRUE(until_received(client, msg("a", "1", "2")));
}

TEST_F(hub_retained, the_age_is_that_of_the_value) {
  start(retaining({">"}));
  RawStream publisher = connect();
  send(publisher, pub("a", "1"));
  const auto published = Loop::Clock::now();
  EXPECT_TRUE(
      until([&] { return Loop::Clock::now() - published > std::chrono::milliseconds(50); }));
  RawStream client = connect();
  const std::string got = answer(client, "SUB a 1\r\n");
  EXPECT_TRUE(got.contains("\r\nHallway-Retained: ")) << got;
  const double age = std::stod(got.substr(got.find("Retained: ") + 10));
  EXPECT_GE(age, 0.05);
  EXPECT_LE(age, std::chrono::duration<double>(Loop::Clock::now() - published).count() + 1);
}

TEST_F(hub_retained, the_header_and_the_identity_are_those_of_the_publication) {
  HubOptions options = retaining({">"});
  options.rules.stamped = {"stamped"};
  start(std::move(options));
  std::optional publisher = connect();
  const std::string header = "NATS/1.0\r\nA: b\r\nHallway-Retained: 7\r\nHallway-Uid: 7\r\n\r\n";
  const std::string sizes = std::to_string(header.size()) + " " + std::to_string(header.size() + 1);
  send(*publisher, "HPUB plain " + sizes + "\r\n" + header + "1\r\n" + "HPUB stamped " + sizes +
                       "\r\n" + header + "2\r\n");
  publisher.reset();
  EXPECT_TRUE(until([&] { return hub->statistics().connections == 0; }));
  RawStream client = connect();
  EXPECT_EQ(subscribed(client, "plain"), retained("plain", "1", "1", "A: b\r\n"));
  const std::string stamped = subscribed(client, "stamped", "2");
  EXPECT_TRUE(stamped.contains("\r\nA: b\r\nHallway-Uid: " + std::to_string(::geteuid()) +
                               "\r\nHallway-Pid: " + std::to_string(::getpid()) + "\r\n"))
      << stamped;
  EXPECT_TRUE(stamped.contains("\r\nHallway-Retained: AGE\r\n\r\n2\r\n")) << stamped;
  EXPECT_FALSE(stamped.contains(": 7\r\n")) << stamped;
}

TEST_F(hub_retained, no_publisher_can_set_the_age) {
  start();
  RawStream client = connect();
  const std::string header = "NATS/1.0\r\nhallway-retained: 7\r\nA: b\r\n\r\n";
  const std::string kept = "NATS/1.0\r\nA: b\r\n\r\n";
  const std::string size = std::to_string(header.size());
  EXPECT_EQ(answer(client, "SUB a 1\r\nHPUB a " + size + " " + size + "\r\n" + header + "\r\n"),
            "HMSG a 1 " + std::to_string(kept.size()) + " " + std::to_string(kept.size()) + "\r\n" +
                kept + "\r\n");
}

TEST_F(hub_retained, a_header_that_is_not_valid_is_left_out) {
  start(retaining({">"}));
  RawStream client = connect();
  send(client, "HPUB a 8 9\r\nnothing!1\r\n");
  EXPECT_EQ(subscribed(client, "a"), retained("a", "1", "1"));
}

TEST_F(hub_retained, an_empty_message_deletes_the_value_and_is_delivered) {
  start(retaining({">"}));
  RawStream publisher = connect();
  RawStream client = connect();
  send(publisher, pub("a", "1"));
  EXPECT_EQ(subscribed(client, "a"), retained("a", "1", "1"));
  client.received.clear();
  send(publisher, pub("a", ""));
  EXPECT_TRUE(until_received(client, msg("a", "1", "")));
  EXPECT_EQ(subscribed(client, "a", "2"), "");
  EXPECT_EQ(hub->statistics().retained, 0U);
}

TEST_F(hub_retained, a_reply_subject_is_not_retained) {
  start(retaining({">"}));
  RawStream client = connect();
  send(client, pub("a", "1", "reply"));
  EXPECT_EQ(subscribed(client, "a"), retained("a", "1", "1"));
}

TEST_F(hub_retained, values_count_towards_the_max_of_an_unsub) {
  start(retaining({">"}));
  RawStream publisher = connect();
  send(publisher, pub("a.1", "1") + pub("a.2", "2") + pub("a.3", "3"));
  RawStream client = connect(without_headers);
  EXPECT_EQ(answer(client, "SUB a.* 1\r\nUNSUB 1 2\r\n"),
            msg("a.1", "1", "1") + msg("a.2", "1", "2"));
  EXPECT_EQ(hub->statistics().subscriptions, 0U);
  EXPECT_EQ(answer(client, "SUB a.* 2\r\nUNSUB 2 4\r\n"),
            msg("a.1", "2", "1") + msg("a.2", "2", "2") + msg("a.3", "2", "3"));
  client.received.clear();
  send(publisher, pub("a.4", "4") + pub("a.5", "5"));
  EXPECT_TRUE(until_received(client, msg("a.4", "2", "4")));
  EXPECT_EQ(hub->statistics().subscriptions, 0U);
  EXPECT_EQ(answer(client, "SUB a.* 3\r\nUNSUB 3\r\n"), "");
}

TEST_F(hub_retained, members_of_a_queue_group_get_no_values) {
  start(retaining({">"}));
  RawStream client = connect();
  send(client, pub("a", "1"));
  EXPECT_EQ(answer(client, "SUB a group 1\r\n"), "");
}

TEST_F(hub_retained, a_client_without_echo_gets_the_values_of_others_only) {
  start(retaining({">"}));
  RawStream other = connect();
  RawStream client = connect(without_echo);
  send(other, pub("a", "1"));
  send(client, pub("b", "2"));
  EXPECT_EQ(subscribed(client, ">"), retained("a", "1", "1"));
  EXPECT_EQ(subscribed(other, ">"), retained("a", "1", "1") + retained("b", "1", "2"));
}

TEST_F(hub_retained, a_subscriber_gets_only_what_it_may_receive) {
  HubOptions options = retaining({">"});
  options.rules.permissions = {
      {.who = {allow::any()}, .publish = {}, .subscribe = {.allow = {}, .deny = {"secret.>"}}}};
  start(std::move(options));
  RawStream client = connect();
  send(client, pub("secret.a", "1") + pub("open.a", "2"));
  EXPECT_EQ(subscribed(client, ">"), retained("open.a", "1", "2"));
}

TEST_F(hub_retained, inboxes_are_not_retained) {
  start(retaining({">"}));
  RawStream client = connect();
  send(client, pub("_INBOX.a", "1"));
  EXPECT_EQ(subscribed(client, "_INBOX.a"), "");
  EXPECT_EQ(hub->statistics().retained, 0U);
}

TEST_F(hub_retained, values_come_before_the_reply_to_what_follows) {
  start(retaining({">"}));
  RawStream publisher = connect();
  std::string all;
  std::string expected;
  for (std::size_t i = 0; i < 10'000; ++i) {
    all += pub("a." + std::to_string(i), std::to_string(i));
    expected += msg("a." + std::to_string(i), "1", std::to_string(i));
  }
  send_all(publisher, all);
  synchronize(publisher);
  EXPECT_EQ(hub->statistics().retained, 10'000U);
  RawStream client = connect(without_headers);
  client.send("SUB a.* 1\r\nPUB a.new 3\r\nnew\r\nPING\r\n");
  expected += msg("a.new", "1", "new") + "PONG\r\n";
  EXPECT_TRUE(until_received(client, expected));
}

TEST_F(hub_retained, messages_that_are_published_meanwhile_follow_the_values) {
  HubOptions options = retaining({">"});
  options.limits.outbound = 64 * kibibyte;
  start(std::move(options));
  RawStream publisher = connect();
  const std::string payload(64 * kibibyte, '.');
  constexpr std::size_t values = 100;  // more than the kernel takes
  std::string expected;
  for (std::size_t i = 0; i < values; ++i) {
    send_all(publisher, pub("a." + std::to_string(i), payload));
    if (i != 50) expected += msg("a." + std::to_string(i), "1", payload);
  }
  synchronize(publisher);
  RawStream client = connect(without_headers);
  client.send("SUB a.* 1\r\nPUB b 0\r\n\r\n");
  EXPECT_TRUE(until([&] { return hub->statistics().subscriptions == 1; }));
  // It does not read, and the hub serves others.
  send(publisher, pub("a.50", "replaced") + pub("a.new", "new"));
  EXPECT_EQ(hub->subscriptions().at(0).waiting, 2U);
  expected += msg("a.50", "1", "replaced") + msg("a.new", "1", "new");
  EXPECT_TRUE(until_received(client, expected));
  send(publisher, pub("a.50", "again"));
  expected += msg("a.50", "1", "again");
  EXPECT_TRUE(until_received(client, expected));
}

TEST_F(hub_retained, a_client_that_does_not_read_holds_no_copy_of_the_values) {
  HubOptions options = retaining({">"}, {.max_memory = 32 * mebibyte});
  options.limits.outbound = 64 * kibibyte;
  start(std::move(options));
  RawStream publisher = connect();
  const std::string payload(64 * kibibyte, '.');
  for (std::size_t i = 0; i < 200; ++i) send_all(publisher, pub("a." + std::to_string(i), payload));
  synchronize(publisher);
  std::vector<RawStream> clients;
  for (int i = 0; i < 8; ++i) {
    clients.push_back(connect());
    clients.back().send("SUB a.* 1\r\n");
  }
  EXPECT_TRUE(until([&] { return hub->statistics().subscriptions == 8; }));
  synchronize(publisher);
  EXPECT_LE(hub->users().at(0).memory, std::size_t{8} * 4 * 64 * kibibyte);
  RawStream& last = clients.back();
  EXPECT_TRUE(until([&] {
    last.collect();
    return last.received.size() > 200 * payload.size();
  }));
}

TEST_F(hub_retained, a_subscription_may_end_while_it_gets_values) {
  HubOptions options = retaining({">"});
  options.limits.outbound = 64 * kibibyte;
  start(std::move(options));
  RawStream publisher = connect();
  const std::string payload(64 * kibibyte, '.');
  for (std::size_t i = 0; i < 100; ++i) send_all(publisher, pub("a." + std::to_string(i), payload));
  synchronize(publisher);

  // By new rules.
  RawStream refused = connect(without_headers);
  refused.send("SUB a.* 1\r\n");
  EXPECT_TRUE(until([&] { return hub->statistics().subscriptions == 1; }));
  HubRules rules;
  rules.retain.push_back({.subjects = {">"}});
  rules.permissions = {
      {.who = {allow::any()}, .publish = {}, .subscribe = {.allow = {}, .deny = {"a.*"}}}};
  ASSERT_TRUE(hub->set_rules(rules));
  EXPECT_EQ(hub->statistics().subscriptions, 0U);
  synchronize(refused);
  EXPECT_TRUE(refused.received.contains("-ERR 'Permissions Violation for Subscription"));
  rules.permissions.clear();
  ASSERT_TRUE(hub->set_rules(rules));

  // With its connection.
  std::optional gone = connect(without_headers);
  gone->send("SUB a.* 1\r\n");
  EXPECT_TRUE(until([&] { return hub->statistics().subscriptions == 1; }));
  gone.reset();
  EXPECT_TRUE(until([&] { return hub->statistics().connections == 2; }));

  // By its max, which later messages reach first.
  RawStream full = connect(without_headers);
  full.send("SUB *.* 1\r\nUNSUB 1 150\r\n");
  EXPECT_TRUE(until([&] { return hub->statistics().subscriptions == 1; }));
  std::string later;
  for (std::size_t i = 0; i < 150; ++i) later += pub("b." + std::to_string(i), "later");
  send(publisher, later);
  EXPECT_EQ(hub->statistics().subscriptions, 0U);
  synchronize(full);
  EXPECT_FALSE(full.received.contains("MSG a.99 "));
  EXPECT_TRUE(full.received.contains(msg("b.0", "1", "later")));

  // With the hub.
  std::optional last = connect(without_headers);
  last->send("SUB a.* 1\r\n");
  EXPECT_TRUE(until([&] { return hub->statistics().subscriptions == 1; }));
  hub.reset();
}

TEST_F(hub_retained, a_half_closed_client_gets_its_values) {
  start(retaining({">"}));
  RawStream client = connect(without_headers);
  send(client, pub("a", "1"));
  client.received.clear();
  client.send("SUB a 1\r\n");
  ::shutdown(client.get(), SHUT_WR);
  EXPECT_TRUE(until_ended(client));
  EXPECT_EQ(client.received, msg("a", "1", "1"));
}

TEST_F(hub_retained, publishers_that_wait_for_the_subscriber_go_on) {
  HubOptions options = retaining({">"});
  options.rules.delivery.push_back({.subjects = {">"}, .overflow = OverflowPolicy::wait});
  options.limits.outbound = 64 * kibibyte;
  start(std::move(options));
  RawStream publisher = connect(without_headers);
  const std::string payload(64 * kibibyte, '.');
  std::string expected;
  for (std::size_t i = 0; i < 100; ++i) {
    send_all(publisher, pub("a." + std::to_string(i), payload));
    expected += msg("a." + std::to_string(i), "1", payload);
  }
  synchronize(publisher);
  RawStream client = connect(without_headers);
  client.send("SUB a.* 1\r\n");
  EXPECT_TRUE(until([&] { return hub->statistics().subscriptions == 1; }));
  publisher.received.clear();
  const std::uint64_t before = hub->users().at(0).held_back;
  publisher.send(pub("a.new", "new") + "PING\r\n");
  EXPECT_TRUE(until([&] { return hub->users().at(0).held_back > before; }));
  publisher.collect();
  EXPECT_EQ(publisher.received, "");
  expected += msg("a.new", "1", "new");
  EXPECT_TRUE(until_received(client, expected));
  EXPECT_TRUE(until_received(publisher, "PONG\r\n"));
}

TEST_F(hub_retained, statistics_count_values_by_user) {
  start(retaining({">"}, {.max_values = 2}));
  std::optional publisher = connect();
  send(*publisher, pub("a", "1") + pub("b", "2") + pub("c", "3"));
  const HubStatistics all = hub->statistics();
  EXPECT_EQ(all.retained, 2U);
  EXPECT_EQ(all.retained_evicted, 1U);
  EXPECT_EQ(all.retained_memory, 2U * (448 + 2));
  publisher.reset();
  EXPECT_TRUE(until([&] { return hub->statistics().connections == 0; }));
  const auto users = hub->users();
  ASSERT_EQ(users.size(), 1U);  // although it has gone
  EXPECT_EQ(users[0].uid, ::geteuid());
  EXPECT_EQ(users[0].connections, 0U);
  EXPECT_EQ(users[0].retained, 2U);
  EXPECT_EQ(users[0].retained_memory, all.retained_memory);
  EXPECT_EQ(users[0].retained_evicted, 1U);
  RawStream client = connect();
  const std::string text = answer(client, "SUB x 1\r\n" + pub("$SYS.HUB.STATS", "", "x"));
  EXPECT_TRUE(text.contains("\"retained\":2,\"retained_memory\":900,\"retained_evicted\":1"))
      << text;
}

TEST_F(hub_retained, new_rules_drop_what_they_do_not_name) {
  start(retaining({"a.>", "b.>"}));
  RawStream client = connect();
  send(client, pub("a.1", "1") + pub("b.1", "2"));
  HubRules rules;
  rules.retain.push_back({.subjects = {"b.>"}});
  ASSERT_TRUE(hub->set_rules(rules));
  EXPECT_EQ(subscribed(client, ">"), retained("b.1", "1", "2"));
  EXPECT_EQ(hub->statistics().retained_evicted, 0U);
  ASSERT_TRUE(hub->set_rules({}));
  EXPECT_EQ(hub->statistics().retained, 0U);
}

TEST_F(hub_retained, a_rule_must_be_able_to_match) {
  HubRules rules;
  for (const char* pattern : {"a..b", "_INBOX.>", "$SYS.HUB.>", "_HALLWAY.*"}) {
    rules.retain = {{.subjects = {"a", pattern}}};
    const auto resolved = rules.resolved();
    ASSERT_FALSE(resolved) << pattern;
    EXPECT_EQ(resolved.error().code, std::errc::invalid_argument);
    EXPECT_EQ(resolved.error().subject, "retain[0].subjects[1]");
    EXPECT_NE(resolved.error().hint, "");
  }
  rules.retain = {{.subjects = {">", "*.a", "_INBOX"}}};
  EXPECT_TRUE(rules.resolved());
}

// Takeover ---------------------------------------------------------------------------------------

class hub_retained_takeover : public hub_retained {
 protected:
  static HubOptions taking_over(std::vector<std::string> subjects) {
    HubOptions options = retaining(std::move(subjects));
    options.takeover = true;
    return options;
  }

  /// Another hub, on a thread of its own, takes over from `hub`, which ends.
  void take_over(std::vector<std::string> subjects) {
    std::atomic<bool> started = false;
    std::thread starting([&] {
      successor.start(path, taking_over(std::move(subjects)));
      started = true;
    });
    EXPECT_TRUE(until([&] { return started.load(); }));
    starting.join();
    EXPECT_TRUE(until([&] { return hub->statistics().connections == 0; }));
    hub.reset();
  }

  HubThread successor;
};

TEST_F(hub_retained_takeover, values_pass_to_the_successor_as_they_are) {
  HubOptions options = taking_over({"a.>", "b.>"});
  options.rules.stamped = {"a.stamped"};
  start(std::move(options));
  std::optional publisher = connect();
  const std::string large(100 * kibibyte, '.');
  send(*publisher, pub("a.2", "2") + pub("a.1", "1") + pub("b.1", "b"));
  send_all(*publisher, pub("a.stamped", large));
  synchronize(*publisher);
  publisher.reset();
  take_over({"a.>", "c.>"});
  RawStream client = connect();
  const std::string got = subscribed(client, "a.*");
  EXPECT_TRUE(got.starts_with(retained("a.2", "1", "2") + retained("a.1", "1", "1") +
                              "HMSG a.stamped 1\r\n"))
      << got.substr(0, 500);
  EXPECT_TRUE(client.received.contains("\r\nHallway-Uid: " + std::to_string(::geteuid()) + "\r\n"));
  EXPECT_TRUE(client.received.ends_with("\r\n\r\n" + large + "\r\n"));
  EXPECT_EQ(subscribed(client, "b.*", "2"), "");
  const std::string statistics = answer(client, "SUB x 3\r\n" + pub("$SYS.HUB.STATS", "", "x"));
  EXPECT_TRUE(statistics.contains("\"retained\":3,")) << statistics;
}

TEST_F(hub_retained_takeover, the_age_goes_on) {
  start(taking_over({">"}));
  std::optional publisher = connect();
  send(*publisher, pub("a", "1"));
  const auto published = Loop::Clock::now();
  publisher.reset();
  EXPECT_TRUE(
      until([&] { return Loop::Clock::now() - published > std::chrono::milliseconds(50); }));
  take_over({">"});
  RawStream client = connect();
  const std::string got = answer(client, "SUB a 1\r\n");
  ASSERT_TRUE(got.contains("Retained: ")) << got;
  EXPECT_GE(std::stod(got.substr(got.find("Retained: ") + 10)), 0.05);
}

TEST_F(hub_retained_takeover, what_is_read_while_the_hub_drains_passes_as_well) {
  start(taking_over({">"}));
  constexpr std::size_t publishers = 8;
  constexpr std::size_t messages = 5'000;
  std::vector<RawStream> all;
  for (std::size_t i = 0; i < publishers; ++i) {
    all.push_back(connect());
    std::string bytes;
    for (std::size_t message = 0; message < messages; ++message) {
      bytes += pub("a." + std::to_string(i), std::to_string(message));
    }
    // All of it arrives before the takeover, and is read during or after it.
    EXPECT_EQ(all.back().send(bytes), static_cast<ssize_t>(bytes.size()));
  }
  take_over({">"});
  RawStream client = connect(without_headers);
  client.send("SUB a.* 1\r\n");
  for (std::size_t i = 0; i < publishers; ++i) {
    const std::string last = msg("a." + std::to_string(i), "1", std::to_string(messages - 1));
    EXPECT_TRUE(until([&] {
      client.collect();
      return client.received.contains(last);
    })) << i;
  }
}

TEST_F(hub_retained_takeover, a_successor_without_rules_keeps_nothing) {
  start(taking_over({">"}));
  RawStream publisher = connect();
  send(publisher, pub("a", "1"));
  publisher.close();
  take_over({"b"});
  RawStream client = connect();
  EXPECT_EQ(subscribed(client, ">"), "");
}

}  // namespace
}  // namespace hallway
