// SPDX-License-Identifier: Apache-2.0
//
// What a hub's operator decides, and how a hub begins and ends.
#include <gtest/gtest.h>

#include <sys/ioctl.h>
#include <unistd.h>

#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "hub/json.hpp"
#include "support/hub_serving.hpp"
#include "support/processes.hpp"

namespace hallway {
namespace {

using namespace test;

constexpr std::string_view nats_1_0 = "NATS/1.0\r\n";

std::string hpub(const std::string& subject, const std::string& header,
                 const std::string& payload) {
  return "HPUB " + subject + " " + std::to_string(header.size()) + " " +
         std::to_string(header.size() + payload.size()) + "\r\n" + header + payload + "\r\n";
}

std::string hmsg(const std::string& subject, const std::string& header,
                 const std::string& payload) {
  return "HMSG " + subject + " 1 " + std::to_string(header.size()) + " " +
         std::to_string(header.size() + payload.size()) + "\r\n" + header + payload + "\r\n";
}

class a_hub : public HubServing {
 protected:
  static HubRules everybody_may(SubjectLists publish, SubjectLists subscribe) {
    HubRules rules;
    rules.permissions.push_back({{allow::any()}, std::move(publish), std::move(subscribe)});
    return rules;
  }

  /// The stamp of whoever runs this test.
  static std::string own_identity() {
    return "Hallway-Uid: " + std::to_string(::getuid()) +
           "\r\nHallway-Pid: " + std::to_string(::getpid()) +
           "\r\nHallway-Executable: " + std::filesystem::read_symlink("/proc/self/exe").string() +
           "\r\n\r\n";
  }
};

// Permissions -------------------------------------------------------------------------------------

TEST_F(a_hub, refuses_what_a_client_may_not_publish) {
  start_with(everybody_may({.allow = {{"open.>"}}, .deny = {"open.secret"}}, {}));
  RawStream client = connect();
  send(client, "SUB > 1\r\n");
  EXPECT_EQ(answer(client, pub("open.x", "1")), msg("open.x", "1", "1"));
  EXPECT_EQ(answer(client, pub("open.secret", "1")),
            "-ERR 'Permissions Violation for Publish to \"open.secret\"'\r\n");
  EXPECT_EQ(answer(client, pub("closed", "1")),
            "-ERR 'Permissions Violation for Publish to \"closed\"'\r\n");
  ASSERT_EQ(events.size(), 2U);
  EXPECT_EQ(events[0].kind, Kind::violation);
  EXPECT_EQ(events[0].peer.pid, ::getpid());
  EXPECT_EQ(hub->statistics().violations, 2U);
  // No +OK for it in verbose mode.
  RawStream person = connect("");
  EXPECT_EQ(answer(person, pub("closed", "1")),
            "-ERR 'Permissions Violation for Publish to \"closed\"'\r\n");
}

TEST_F(a_hub, refuses_what_a_client_may_not_receive) {
  start_with(everybody_may({}, {.allow = {}, .deny = {"secret.>"}}));
  RawStream client = connect();
  EXPECT_EQ(answer(client, "SUB secret.a 1\r\n"),
            "-ERR 'Permissions Violation for Subscription to \"secret.a\"'\r\n");
  EXPECT_EQ(answer(client, "SUB secret.a q 1\r\n"),
            "-ERR 'Permissions Violation for Subscription to \"secret.a\" using queue \"q\"'\r\n");
  // What is denied in part is received in the other part.
  EXPECT_EQ(answer(client, "SUB > 1\r\n"), "");
  EXPECT_EQ(answer(client, pub("secret.a", "x") + pub("other", "y")), msg("other", "1", "y"));
}

TEST_F(a_hub, knows_the_user_of_a_client_from_the_kernel) {
  NEEDS_ROOT_TO_BECOME_ANOTHER_USER();
  HubRules rules;
  rules.allow = {allow::any()};
  rules.permissions.push_back({{allow::uid(some_user)}, {.allow = {{"theirs"}}, .deny = {}}, {}});
  HubOptions options;
  options.file.mode = 0666;
  options.rules = std::move(rules);
  start(std::move(options));
  RawStream ours = connect();
  EXPECT_EQ(answer(ours, pub("ours", "x")), "");
  send(ours, "SUB > 1\r\n");
  ForkedProcess other([&](const ForkedProcess::Say& report) {
    if (::setgid(some_user) != 0 || ::setuid(some_user) != 0) return;
    const Descriptor socket = raw_connected(SOCK_STREAM, path);
    raw_send(socket.get(), std::string(connect_as_programs_do) + pub("ours", "x") +
                               pub("theirs", "y") + "PING\r\n");
    std::string received;
    while (!received.contains("PONG")) received += raw_receive(socket.get(), 65536, true).bytes;
    report(std::to_string(received.find("Publish to \"ours\"") != std::string::npos));
    wait_to_be_killed();
  });
  EXPECT_TRUE(until_received(ours, msg("theirs", "1", "y")));
  EXPECT_EQ(other.line(), "1");
}

// Rules -------------------------------------------------------------------------------------------

TEST_F(a_hub, takes_new_rules_at_once) {
  start();
  RawStream client = connect();
  send(client, "SUB a.* 1\r\nSUB b 2\r\n");
  EXPECT_EQ(answer(client, pub("a.x", "x")), msg("a.x", "1", "x"));
  client.received.clear();
  ASSERT_TRUE(
      hub->set_rules(everybody_may({.allow = {}, .deny = {"b"}}, {.allow = {}, .deny = {"a.>"}})));
  EXPECT_TRUE(
      until_received(client, "-ERR 'Permissions Violation for Subscription to \"a.*\"'\r\n"));
  EXPECT_EQ(answer(client, pub("a.x", "x")), "");
  EXPECT_EQ(answer(client, pub("b", "x")), "-ERR 'Permissions Violation for Publish to \"b\"'\r\n");
  ASSERT_TRUE(hub->set_rules(everybody_may({}, {.allow = {}, .deny = {"b.c", "d.x"}})));
  EXPECT_EQ(answer(client, pub("b", "x")), msg("b", "2", "x"));
  EXPECT_EQ(answer(client, "SUB d.* 3\r\n" + pub("d.x", "x") + pub("d.y", "y")),
            msg("d.y", "3", "y"));
  ASSERT_TRUE(hub->set_rules({}));
  EXPECT_EQ(answer(client, pub("d.x", "x")), msg("d.x", "3", "x"));
}

TEST(hub_rules, that_were_resolved_have_no_name_left_to_look_up) {
  HubRules named;
  named.allow = {allow::user("root"), allow::any()};
  named.permissions = {{{allow::group("root")}, {.allow = {{"a.*"}}, .deny = {}}, {}}};
  named.delivery = {{.subjects = {"b"}, .who = {allow::user("root"), allow::group("root")}}};
  named.stamped = {"c"};
  const auto rules = named.resolved();
  ASSERT_TRUE(rules);
  EXPECT_EQ(rules->allow[0].to_string(), "uid:0");
  EXPECT_EQ(rules->allow[1].to_string(), "any");
  EXPECT_EQ(rules->permissions[0].who[0].to_string(), "gid:0");
  EXPECT_EQ(rules->permissions[0].publish.allow->front(), "a.*");
  EXPECT_EQ(rules->delivery[0].who[0].to_string(), "uid:0");
  EXPECT_EQ(rules->delivery[0].who[1].to_string(), "gid:0");
  EXPECT_EQ(rules->stamped, std::vector<std::string>{"c"});
}

TEST(hub_rules, are_checked_where_they_are_resolved) {
  HubRules wrong;
  wrong.delivery = {{.subjects = {"a"}, .who = {allow::any(), allow::user("nobody-is-this")}}};
  EXPECT_EQ(wrong.resolved().error().subject, "delivery[0].who[1]");
  wrong = {};
  wrong.stamped = {"a..b"};
  EXPECT_EQ(wrong.resolved().error().subject, "stamped[0]");
}

TEST_F(a_hub, keeps_its_rules_where_new_ones_are_wrong) {
  start_with(everybody_may({.allow = {}, .deny = {"denied"}}, {}));
  RawStream client = connect();
  send(client, "SUB > 1\r\n");
  const auto why_not = [&](const HubRules& rules) {
    const auto set = hub->set_rules(rules);
    EXPECT_FALSE(set);
    return set ? std::string() : set.error().subject;
  };
  HubRules none;
  none.delivery = {{.subjects = {"a"}, .overflow = OverflowPolicy::fail}};
  EXPECT_EQ(why_not(none), "delivery[0].overflow");
  EXPECT_EQ(none.resolved().error().explain(),
            "rule delivery[0].overflow: overflow policy fail: a hub's subscriptions support wait, "
            "drop_oldest, drop_newest, latest_only, disconnect");
  none = {};
  none.stamped = {"fine", "a..b"};
  EXPECT_EQ(why_not(none), "stamped[1]");
  none = {};
  none.delivery = {{.subjects = {"a"}}, {.subjects = {">.a"}}};
  EXPECT_EQ(why_not(none), "delivery[1].subjects[0]");
  none = {};
  none.delivery = {{.subjects = {"a"}, .who = {allow::user("nobody-has-this-name")}}};
  EXPECT_EQ(why_not(none), "delivery[0].who[0]");
  EXPECT_EQ(why_not(everybody_may({.allow = {{"a", "b."}}, .deny = {}}, {})),
            "permissions[0].publish.allow[1]");
  EXPECT_EQ(why_not(everybody_may({}, {.allow = {}, .deny = {""}})),
            "permissions[0].subscribe.deny[0]");
  none = {};
  none.permissions = {{{allow::group("nobody-has-this-name")}, {}, {}}};
  EXPECT_EQ(why_not(none), "permissions[0].who[0]");
  none = {};
  none.allow = {allow::any(), allow::user("nobody-has-this-name")};
  EXPECT_EQ(why_not(none), "allow[1]");

  EXPECT_EQ(answer(client, pub("denied", "x")),
            "-ERR 'Permissions Violation for Publish to \"denied\"'\r\n");
  EXPECT_EQ(answer(client, pub("a", "x")), msg("a", "1", "x"));

  HubOptions options;
  options.rules = none;
  const auto another = Hub::start(loop, directory / "other", std::move(options));
  ASSERT_FALSE(another);
  EXPECT_EQ(another.error().code, std::errc::invalid_argument);
  EXPECT_FALSE(std::filesystem::exists(directory / "other"));
}

TEST_F(a_hub, serves_a_subscription_by_the_first_rule_about_it) {
  HubRules rules;
  rules.delivery = {{.subjects = {"a.>", "b"}, .overflow = OverflowPolicy::wait},
                    {.subjects = {"c"},
                     .who = {allow::uid(::getuid() + 1)},
                     .overflow = OverflowPolicy::drop_newest},
                    {.subjects = {"a.>", "c"}, .overflow = OverflowPolicy::drop_oldest}};
  start_with(std::move(rules));
  RawStream client = connect("CONNECT {\"full\":\"latest_only\"}\r\n");
  send(client, "SUB a.x 1\r\nSUB b 2\r\nSUB c 3\r\nSUB > 4\r\n");
  std::vector<OverflowPolicy> policies;
  for (const auto& subscription : hub->subscriptions()) policies.push_back(subscription.overflow);
  EXPECT_EQ(policies, (std::vector{OverflowPolicy::wait, OverflowPolicy::wait,
                                   OverflowPolicy::drop_oldest, OverflowPolicy::latest_only}));
}

// PidStatus
// ----------------------------------------------------------------------------------------

TEST_F(a_hub, identifies_the_publisher_where_a_rule_asks_for_it) {
  HubRules rules;
  rules.stamped = {"signed.>"};
  start_with(std::move(rules));
  RawStream client = connect();
  send(client, "SUB > 1\r\n");
  EXPECT_EQ(answer(client, pub("signed.a", "x")),
            hmsg("signed.a", std::string(nats_1_0) + own_identity(), "x"));
  EXPECT_EQ(answer(client, pub("plain", "x")), msg("plain", "1", "x"));
  // Those without headers get the message without.
  RawStream simple = connect("CONNECT {\"verbose\":false}\r\n");
  send(simple, "SUB > 1\r\n");
  client.send(pub("signed.a", "x"));
  EXPECT_TRUE(until_received(simple, msg("signed.a", "1", "x")));
}

TEST_F(a_hub, lets_no_client_forge_the_identity_of_a_publisher) {
  HubRules rules;
  rules.stamped = {"signed.>"};
  start_with(std::move(rules));
  RawStream client = connect();
  send(client, "SUB > 1\r\n");
  const std::string forged = std::string(nats_1_0) +
                             "A: 1\r\nhallway-uid: 0\r\nHALLWAY-PID:1\r\nB: 2\r\n"
                             "Hallway-Executable: /sbin/init\r\nHallway-Uid: 0\r\n\r\n";
  EXPECT_EQ(answer(client, hpub("signed.a", forged, "x")),
            hmsg("signed.a", std::string(nats_1_0) + "A: 1\r\nB: 2\r\n" + own_identity(), "x"));
  // Whatever the subject.
  EXPECT_EQ(answer(client, hpub("plain", forged, "x")),
            hmsg("plain", std::string(nats_1_0) + "A: 1\r\nB: 2\r\n\r\n", "x"));
  // A block that is none may be read as one by somebody.
  const std::string broken = "NATS/1.0\r\nHallway-Uid: 0\n\n";
  EXPECT_EQ(answer(client, hpub("signed.a", broken, "x")),
            hmsg("signed.a", std::string(nats_1_0) + own_identity(), "x"));
  EXPECT_EQ(answer(client, hpub("plain", broken, "x")),
            hmsg("plain", std::string(nats_1_0) + "\r\n", "x"));
  // So may one with a byte at which somebody ends a line or a text.
  for (const char* end : {"\v", "\f", "\x1e", "\x7f", "\xc2\x85", "\xe2\x80\xa8"}) {
    const std::string odd = std::string(nats_1_0) + "A: 1" + end + "Hallway-Uid: 0\r\n\r\n";
    EXPECT_EQ(answer(client, hpub("signed.a", odd, "x")),
              hmsg("signed.a", std::string(nats_1_0) + own_identity(), "x"));
    EXPECT_EQ(answer(client, hpub("plain", odd, "x")),
              hmsg("plain", std::string(nats_1_0) + "\r\n", "x"));
  }
  const std::string harmless = std::string(nats_1_0) + "A: 1\vUid: 0\r\n\r\n";
  EXPECT_EQ(answer(client, hpub("plain", harmless, "x")), hmsg("plain", harmless, "x"));
  EXPECT_EQ(answer(client, hpub("plain", "no such\r\nthing", "x")),
            hmsg("plain", "no such\r\nthing", "x"));
  // What was unsigned before is not so for ever.
  ASSERT_TRUE(hub->set_rules(
      {.allow = {}, .permissions = {}, .delivery = {}, .stamped = {"plain"}, .retain = {}}));
  EXPECT_EQ(answer(client, pub("plain", "x")),
            hmsg("plain", std::string(nats_1_0) + own_identity(), "x"));
}

// Quotas ------------------------------------------------------------------------------------------

TEST_F(a_hub, turns_away_a_user_with_too_many_connections) {
  HubOptions options;
  options.limits.max_connections_per_uid = 2;
  start(std::move(options));
  RawStream first = connect();
  {
    const RawStream second = connect();
    RawStream third(raw_connected(SOCK_STREAM, path));
    ASSERT_TRUE(until_ended(third));
    EXPECT_TRUE(third.received.starts_with("INFO {"));
    EXPECT_TRUE(third.received.ends_with("\r\n-ERR 'maximum connections exceeded'\r\n"));
    EXPECT_EQ(hub->statistics().connections_total, 2U) << "it was never one of its clients";
  }
  ASSERT_TRUE(until([&] { return hub->users().front().connections == 1; }));
  RawStream next = connect();
  EXPECT_EQ(answer(next, "PING\r\n"), "PONG\r\n");
}

TEST_F(a_hub, reports_what_each_user_takes_up) {
  start();
  RawStream first = connect();
  RawStream second = connect();
  send(first, "SUB a 1\r\nSUB b 2\r\n");
  const auto users = hub->users();
  ASSERT_EQ(users.size(), 1U);
  EXPECT_EQ(users[0].uid, ::getuid());
  EXPECT_EQ(users[0].connections, 2U);
  EXPECT_EQ(users[0].subscriptions, 2U);
  EXPECT_GT(users[0].memory, 1'000U);
  EXPECT_EQ(users[0].memory_share, HubLimits{}.max_memory_per_uid);
  EXPECT_GT(users[0].loop_time, Duration::zero());
  send(first, "SUB in 3\r\n");
  const std::string answered = answer(first, pub("$SYS.HUB.STATS", "", "in"));
  EXPECT_TRUE(answered.contains("\"users\":[{\"uid\":" + std::to_string(::getuid()) +
                                ",\"connections\":2,\"subscriptions\":3,"))
      << answered;
}

TEST_F(a_hub, gives_back_what_its_clients_took_when_they_go) {
  start();
  RawStream stays = connect();
  const std::uint64_t before = hub->users().front().memory;
  {
    RawStream goes = connect();
    send(goes, "SUB a 1\r\nSUB b.c.d 2\r\n");
    goes.send("PUB x 100000\r\n" + std::string(50'000, 'x'));
    EXPECT_TRUE(until([&] { return hub->users().front().memory > before + 100'000; }));
  }
  EXPECT_TRUE(until([&] { return hub->users().front().memory == before; }));
  EXPECT_EQ(hub->users().front().subscriptions, 0U);
}

TEST_F(a_hub, reads_one_large_message_after_the_other_where_there_is_room_for_one) {
  HubOptions options;
  options.limits.max_memory_per_uid = 500'000;
  start(std::move(options));
  const std::string message = pub("a", std::string(400'000, 'x'));
  std::vector<RawStream> publishers;
  for (int i = 0; i < 5; ++i) {
    publishers.push_back(connect());
    publishers.back().send(message.substr(0, 100'000));
  }
  // Two begin, because the last one may go over it; the others are not read until one has ended.
  std::vector<std::string_view> rests(publishers.size(), std::string_view(message).substr(100'000));
  EXPECT_TRUE(until([&] {
    bool all = true;
    for (std::size_t i = 0; i < publishers.size(); ++i) {
      const ssize_t sent = rests[i].empty() ? 0 : publishers[i].send(rests[i]);
      if (sent > 0) rests[i].remove_prefix(static_cast<std::size_t>(sent));
      all = all && rests[i].empty();
    }
    EXPECT_LT(hub->users().front().memory, 1'000'000U);
    return all && hub->statistics().messages_in == publishers.size();
  }));
}

TEST_F(a_hub, reads_large_messages_of_one_client_behind_each_other_where_there_is_room_for_one) {
  HubOptions options;
  options.limits.max_memory_per_uid = 500'000;
  options.limits.slow_time = 1h;
  start(std::move(options));
  RawStream publisher = connect();
  send_all(publisher, pub("a", std::string(500'000, 'x')) + pub("a", std::string(510'000, 'y')));
  EXPECT_TRUE(until([&] { return hub->statistics().messages_in == 2; }));
}

TEST_F(a_hub, reads_a_large_message_once_its_user_has_memory_again) {
  HubOptions options;
  options.limits.max_memory_per_uid = 2'000;  // two subscriptions
  options.limits.slow_time = 1h;
  start(std::move(options));
  std::optional<RawStream> another = connect();  // with a message that is not finished
  send(*another, "SUB a 1\r\nSUB b 2\r\n");
  const std::string message = pub("c", std::string(20'000, 'c'));
  const auto has_read = [&](RawStream& client) {
    int unread = 0;
    return ::ioctl(client.get(), TIOCOUTQ, &unread) == 0 && unread == 0;
  };
  another->send(message.substr(0, 10'000));
  ASSERT_TRUE(until([&] { return has_read(*another); }));
  RawStream publisher = connect();
  publisher.send(message.substr(0, 10'000));
  ASSERT_TRUE(until([&] { return has_read(publisher); }));
  publisher.send(message.substr(10'000));
  RawStream third = connect();
  send(third, "");
  EXPECT_EQ(hub->statistics().messages_in, 0U);
  another.reset();
  EXPECT_TRUE(until([&] { return hub->statistics().messages_in == 1; }));
}

TEST_F(a_hub, limits_the_subscriptions_of_a_uid) {
  HubOptions options;
  options.limits.max_subscriptions_per_uid = 2;
  start(std::move(options));
  RawStream first = connect();
  RawStream second = connect();
  EXPECT_EQ(answer(first, "SUB a 1\r\n"), "");
  EXPECT_EQ(answer(second, "SUB a 1\r\n"), "");
  EXPECT_EQ(answer(second, "SUB b 2\r\n"), "-ERR 'maximum subscriptions exceeded'\r\n");
  EXPECT_EQ(answer(first, "UNSUB 1\r\n"), "");
  EXPECT_EQ(answer(second, "SUB b 2\r\n"), "");
}

// Its own subjects --------------------------------------------------------------------------------

TEST_F(a_hub, counts_its_answers_as_messages_of_the_subscription_they_come_to) {
  start();
  RawStream client = connect();
  send(client, "SUB in 9\r\nUNSUB 9 1\r\n");
  const std::string question = pub("$SYS.HUB.STATS", "", "in");
  const std::string received = answer(client, question + question);
  EXPECT_TRUE(received.starts_with("MSG in 9 "));
  EXPECT_EQ(received.find("MSG", 1), std::string::npos) << received;
  EXPECT_EQ(hub->statistics().subscriptions, 0U);
}

TEST_F(a_hub, answers_requests_for_its_statistics) {
  start();
  RawStream client = connect();
  RawStream curious = connect();
  send(curious, "SUB > 1\r\n");
  send(client, "SUB in.* 9\r\n");
  client.received.clear();
  client.send(pub("a", "12345"));
  client.send(pub("$SYS.HUB.STATS", "", "in.1"));
  synchronize(client);
  const std::string text = client.received.substr(client.received.find("\r\n") + 2);
  hub::JsonReader reader(std::string_view(text).substr(0, text.size() - 2));
  std::vector<std::string> members;
  while (const hub::JsonMember* member = reader.next()) {
    members.push_back(std::string(member->name) + '=' + std::string(member->value));
  }
  EXPECT_TRUE(client.received.starts_with("MSG in.1 9 "));
  EXPECT_TRUE(reader.valid()) << text;
  ASSERT_FALSE(members.empty());
  EXPECT_TRUE(members.back().starts_with("users="));
  members.pop_back();
  EXPECT_EQ(members, (std::vector<std::string>{
                         "connections=2", "subscriptions=2", "connections_total=2", "messages_in=2",
                         "bytes_in=5", "messages_out=1", "bytes_out=18", "dropped=0",
                         "superseded=0", "slow_consumers=0", "violations=0", "answers_refused=0"}));
  // Neither the question nor the answer is anybody else's.
  EXPECT_TRUE(until_received(curious, msg("a", "1", "12345")));
  EXPECT_EQ(answer(client, pub("$SYS.HUB.STATS", "")), "");
}

TEST_F(a_hub, counts_what_arrived_before_it_was_asked_for_its_statistics) {
  start();
  RawStream talkative = connect();
  RawStream curious = connect();
  send(curious, "SUB in 1\r\n");
  // More than it reads of one client at once, beside another.
  for (int i = 0; i < 10; ++i) talkative.send(pub("a", std::string(15'000, 'x')));
  EXPECT_TRUE(answer(curious, pub("$SYS.HUB.STATS", "", "in")).contains("\"messages_in\":11,"))
      << curious.received;
}

TEST_F(a_hub, answers_requests_for_its_statistics_while_it_is_never_idle) {
  start();
  RawStream curious = connect();
  send(curious, "SUB in 1\r\n");
  bool asked_all = false;
  loop.spawn([](Loop& busy, const bool& enough) -> Task<> {
    while (!enough) co_await busy.sleep(Duration::zero());
  }(loop, asked_all));
  EXPECT_TRUE(answer(curious, pub("$SYS.HUB.STATS", "", "in")).starts_with("MSG in 1 "));
  asked_all = true;
  loop.turn();
}

/// A hub's answer about counts, as the subscription 1 to "in" receives it.
std::string count_answer(unsigned subscriptions, unsigned links = 0) {
  return msg("in", "1",
             "{\"subscriptions\":" + std::to_string(subscriptions) +
                 ",\"links\":" + std::to_string(links) + "}");
}

class counts_of_a_hub : public a_hub {
 protected:
  void SetUp() override {
    start();
    client = connect();
    send(client, "SUB in 1\r\n");
  }

  /// How many got the message that was published last.
  std::string delivered(const std::string& before = {}) {
    return answer(client, before + pub("$SYS.HUB.DELIVERED", "", "in"));
  }
  std::string matches(const std::string& subject) {
    return answer(client, pub("$SYS.HUB.MATCHES", subject, "in"));
  }

  RawStream client{Descriptor()};
};

TEST_F(counts_of_a_hub, are_those_of_the_last_message_of_the_client_that_asks) {
  EXPECT_EQ(delivered(), count_answer(0)) << "it has published nothing";
  RawStream other = connect();
  send(other, "SUB a.* 1\r\nSUB a.b 2\r\n");
  EXPECT_EQ(delivered(pub("a.b", "x")), count_answer(2));
  EXPECT_EQ(delivered(pub("a.c", "x")), count_answer(1));
  EXPECT_EQ(delivered(pub("nobody", "x")), count_answer(0));
  // In a batch, all messages have the same recipients.
  EXPECT_EQ(delivered(pub("a.b", "1") + pub("a.b", "2") + pub("a.b", "3")), count_answer(2));
  // What others publish, and what this client publishes afterwards, is not part of it.
  other.send(pub("nobody", "x"));
  synchronize(other);
  EXPECT_EQ(delivered(), count_answer(2));
  EXPECT_EQ(answer(client, pub("a.c", "x") + pub("$SYS.HUB.DELIVERED", "", "in") + pub("a.b", "x")),
            count_answer(1));
  EXPECT_EQ(answer(client, pub("$SYS.HUB.DELIVERED", "")), "") << "nobody is answered";
}

TEST_F(counts_of_a_hub, count_one_of_each_group_for_a_message_and_all_for_a_subject) {
  RawStream workers = connect();
  send(workers, "SUB jobs workers 1\r\nSUB jobs workers 2\r\nSUB jobs others 3\r\nSUB jobs 4\r\n");
  EXPECT_EQ(delivered(pub("jobs", "x")), count_answer(3));
  EXPECT_EQ(matches("jobs"), count_answer(4));
  EXPECT_EQ(matches("jobs.x"), count_answer(0));
  EXPECT_EQ(matches("in"), count_answer(1));
}

TEST_F(counts_of_a_hub, count_links_apart) {
  RawStream link = connect(
      "CONNECT {\"verbose\":false,\"headers\":true,\"no_responders\":true,\"link\":\"L\"}\r\n");
  send(link, "SUB a.> _HALLWAY.LINK.L 1\r\n");
  EXPECT_EQ(delivered(pub("a.b", "x")), count_answer(0, 1));
  EXPECT_EQ(matches("a.b"), count_answer(0, 1));
  RawStream other = connect();
  send(other, "SUB a.b 1\r\n");
  EXPECT_EQ(delivered(pub("a.b", "x") + pub("a.b", "y")), count_answer(1, 1));
}

TEST_F(counts_of_a_hub, are_none_for_what_was_refused) {
  send(client, "SUB a 2\r\n");
  HubRules rules;
  rules.permissions.push_back({{allow::any()}, {.allow = std::nullopt, .deny = {"secret.>"}}, {}});
  ASSERT_TRUE(hub->set_rules(rules));
  const std::string refused = "-ERR 'Permissions Violation for Publish to \"secret.a\"'\r\n";
  EXPECT_EQ(delivered(pub("a", "x")), msg("a", "2", "x") + count_answer(1));
  EXPECT_EQ(delivered(pub("secret.a", "x")), refused + count_answer(0));
  EXPECT_EQ(matches("secret.a"), refused);
  EXPECT_EQ(matches("$SYS.HUB.GAP"),
            "-ERR 'Permissions Violation for Publish to \"$SYS.HUB.GAP\"'\r\n");
  for (const char* subject : {"", "a.*", "a..b", "a b"}) {
    EXPECT_EQ(matches(subject), "-ERR 'Invalid Publish Subject'\r\n") << subject;
  }
}

TEST_F(counts_of_a_hub, may_be_asked_for_whatever_the_rules_allow) {
  HubRules rules;
  rules.permissions.push_back({{allow::any()}, {.allow = {{"a"}}, .deny = {}}, {}});
  ASSERT_TRUE(hub->set_rules(rules));
  EXPECT_EQ(delivered(pub("a", "x")), count_answer(0));
  EXPECT_EQ(matches("a"), count_answer(0));
}

TEST_F(counts_of_a_hub, are_for_the_client_that_asks_alone) {
  RawStream curious = connect();
  send(curious, "SUB > 9\r\n");
  EXPECT_EQ(delivered(), count_answer(0));
  EXPECT_EQ(answer(curious, ""), "");
  // Without a subscription to the reply subject there is no answer, and no failure.
  EXPECT_EQ(answer(client, pub("$SYS.HUB.DELIVERED", "", "elsewhere")), "");
  EXPECT_EQ(hub->statistics().answers_refused, 0U);
}

TEST_F(a_hub, lets_no_client_publish_in_its_name) {
  start();
  RawStream client = connect();
  send(client, "SUB > 1\r\n");
  EXPECT_EQ(answer(client, pub("$SYS.HUB.GAP", "12")),
            "-ERR 'Permissions Violation for Publish to \"$SYS.HUB.GAP\"'\r\n");
  EXPECT_EQ(answer(client, pub("$SYS.OTHER", "12")), msg("$SYS.OTHER", "1", "12"));
}

// Ending ------------------------------------------------------------------------------------------

TEST_F(a_hub, delivers_what_was_published_before_it_drains) {
  start();
  RawStream subscriber = connect();
  send(subscriber, "SUB a 1\r\n");
  std::vector<RawStream> publishers;
  for (int i = 0; i < 3; ++i) publishers.push_back(connect());
  subscriber.received.clear();
  for (RawStream& publisher : publishers) publisher.send(pub("a", "last words"));
  loop.drain();
  EXPECT_EQ(loop.run(), 0);
  subscriber.collect();
  EXPECT_TRUE(subscriber.ended);
  std::string_view received = subscriber.received;
  ASSERT_TRUE(received.starts_with("INFO {"));
  EXPECT_TRUE(received.substr(0, received.find("\r\n")).contains("\"ldm\":true"));
  const std::string three =
      msg("a", "1", "last words") + msg("a", "1", "last words") + msg("a", "1", "last words");
  EXPECT_EQ(received.substr(received.find("\r\n") + 2), three);
}

TEST_F(a_hub, drains_alone_while_its_loop_goes_on) {
  start();
  RawStream client = connect();
  send(client, "SUB a 1\r\n");
  client.received.clear();
  hub->drain();
  EXPECT_TRUE(until_ended(client));
  EXPECT_TRUE(client.received.contains("\"ldm\":true"));
  EXPECT_FALSE(loop.turn());
  EXPECT_EQ(hub->statistics().connections, 0U);
  EXPECT_LT(raw_connected(SOCK_STREAM, path).get(), 0);
}

TEST_F(a_hub, hands_over_to_a_successor) {
  const auto serving = [&](const ForkedProcess::Say& report) {
    Loop of_its_own;
    HubOptions options;
    options.takeover = true;
    const auto running = Hub::start(of_its_own, path, std::move(options));
    report(running ? "started" : running.error().explain());
    of_its_own.run();
    report("ended");
  };
  ForkedProcess first(serving);
  ASSERT_EQ(first.line(), "started");
  const Descriptor client = raw_connected(SOCK_STREAM, path);
  EXPECT_TRUE(raw_receive(client.get(), 65536, true).bytes.starts_with("INFO {"));
  ForkedProcess second(serving);
  ASSERT_EQ(second.line(), "started");
  EXPECT_TRUE(raw_receive(client.get(), 65536, true).bytes.contains("\"ldm\":true"));
  EXPECT_EQ(raw_receive(client.get(), 65536, true).result, 0);
  EXPECT_EQ(first.line(), "ended");
  const Descriptor fresh = raw_connected(SOCK_STREAM, path);
  EXPECT_TRUE(raw_receive(fresh.get(), 65536, true).bytes.starts_with("INFO {"));
}

TEST_F(a_hub, may_end_with_clients_in_the_middle_of_everything) {
  HubOptions options;
  options.limits.outbound = 1;
  options.rules.delivery = {{.subjects = {">"}, .overflow = OverflowPolicy::wait, .pending = 1}};
  start(std::move(options));
  RawStream subscriber = connect();
  send(subscriber, "SUB a 1\r\n");
  RawStream publisher = connect();
  const std::string payload(mebibyte, 'p');
  for (int i = 0; i < 10; ++i) publisher.send(pub("a", payload));
  for (int i = 0; i < 20; ++i) loop.turn();
  hub.reset();
  EXPECT_TRUE(until_ended(publisher));
  EXPECT_TRUE(until_ended(subscriber));
  EXPECT_FALSE(loop.turn());
}

// Inboxes -----------------------------------------------------------------------------------------

class inboxes_of_a_hub : public a_hub {
 protected:
  void start_for_everybody(HubRules rules = {}) {
    HubOptions options;
    options.file.mode = 0666;
    options.rules = std::move(rules);
    options.rules.allow = {allow::any()};
    start(std::move(options));
  }
  static std::string refusal(const std::string& subject) {
    return "-ERR 'Permissions Violation for Subscription to \"" + subject + "\"'\r\n";
  }
};

TEST_F(inboxes_of_a_hub, are_received_only_by_clients_that_know_their_name) {
  NEEDS_ROOT_TO_BECOME_ANOTHER_USER();
  start_for_everybody();
  RawStream owner = connect_as(some_user);
  send(owner, "SUB _INBOX.secret.* 1\r\n");
  RawStream curious = connect_as(some_user + 1);
  for (const std::string all : {"_INBOX.>", "_INBOX.*", "_INBOX.*.1", "_INBOX.*.*"}) {
    EXPECT_EQ(answer(curious, "SUB " + all + " 1\r\n"), refusal(all));
  }
  send(curious, "SUB > 2\r\nSUB *.> 3\r\nSUB *.secret.1 4\r\nSUB *.*.* 5\r\n");
  RawStream service = connect_as(some_user + 2);
  send(service, pub("_INBOX.secret.1", "answer") + pub("_INBOX.secret.1", "answer"));
  EXPECT_TRUE(until_received(
      owner, msg("_INBOX.secret.1", "1", "answer") + msg("_INBOX.secret.1", "1", "answer")));
  send(service, pub("x.y.z", "news"));
  curious.received.clear();
  synchronize(curious);
  EXPECT_FALSE(curious.received.contains("_INBOX"));
  for (const std::string sid : {"2", "3", "5"}) {
    EXPECT_TRUE(curious.received.contains(msg("x.y.z", sid, "news"))) << sid;
  }
}

TEST_F(inboxes_of_a_hub, that_only_a_wildcard_covers_have_no_responder) {
  NEEDS_ROOT_TO_BECOME_ANOTHER_USER();
  start_for_everybody();
  RawStream curious = connect_as(some_user);
  send(curious, "SUB > g 1\r\n");
  RawStream asker = connect_as(some_user + 1);
  send(asker, "SUB _INBOX.a.* 1\r\n");
  EXPECT_TRUE(answer(asker, pub("_INBOX.b.1", "?", "_INBOX.a.1")).contains(" 503"));
}

TEST_F(inboxes_of_a_hub, are_open_to_users_that_a_rule_allows_them_as_long_as_it_does) {
  NEEDS_ROOT_TO_BECOME_ANOTHER_USER();
  HubRules rules;
  rules.permissions.push_back(
      {{allow::uid(some_user)}, {}, {.allow = {{">", "_INBOX.>"}}, .deny = {}}});
  start_for_everybody(rules);
  RawStream auditor = connect_as(some_user);
  RawStream root = connect();
  send(auditor, "SUB _INBOX.> 1\r\nSUB > 2\r\n");
  send(root, "SUB _INBOX.* 1\r\n");
  RawStream service = connect_as(some_user + 1);
  send(service, pub("_INBOX.x", "a"));
  EXPECT_TRUE(until_received(root, msg("_INBOX.x", "1", "a")));
  EXPECT_TRUE(until_received(auditor, msg("_INBOX.x", "1", "a") + msg("_INBOX.x", "2", "a")) ||
              until_received(auditor, msg("_INBOX.x", "2", "a") + msg("_INBOX.x", "1", "a")));
  auditor.received.clear();
  ASSERT_TRUE(hub->set_rules(
      {.allow = {allow::any()}, .permissions = {}, .delivery = {}, .stamped = {}, .retain = {}}));
  EXPECT_TRUE(until_received(auditor, refusal("_INBOX.>")));
  send(service, pub("_INBOX.x", "b") + pub("y", "c"));
  EXPECT_TRUE(until_received(auditor, refusal("_INBOX.>") + msg("y", "2", "c")));
}

// White space -------------------------------------------------------------------------------------

TEST_F(a_hub, lets_nothing_pass_that_other_parsers_take_for_a_blank_or_a_line_end) {
  start();
  RawStream client = connect();
  send(client, "SUB > 1\r\nSUB in.> 2\r\n");
  std::size_t refused = 0;
  for (const std::string_view blank :
       {"\v", "\f", "\x1c", "\x1f", "\xC2\x85", "\xC2\xA0", "\xE2\x80\xA8", "\xE2\x80\xA9"}) {
    const std::string odd = "in." + std::string(blank) + "x";
    EXPECT_EQ(answer(client, pub(odd, "")), "-ERR 'Invalid Publish Subject'\r\n");
    EXPECT_EQ(answer(client, pub("a", "", odd)), "-ERR 'Invalid Reply Subject'\r\n");
    EXPECT_EQ(answer(client, pub("$SYS.HUB.STATS", "", odd)), "-ERR 'Invalid Reply Subject'\r\n");
    EXPECT_EQ(answer(client, "SUB " + odd + " 3\r\n"), "-ERR 'Invalid Subject'\r\n");
    EXPECT_EQ(answer(client, "SUB a " + odd + " 3\r\n"), "-ERR 'Invalid Queue Name'\r\n");
    refused += 3;
  }
  EXPECT_EQ(answer(client, pub(std::string("a\0b", 3), "")), "-ERR 'Invalid Publish Subject'\r\n");
  EXPECT_EQ(hub->statistics().violations, refused + 1);
  EXPECT_EQ(hub->statistics().subscriptions, 2U);
  // Other control characters are nobody's blanks.
  EXPECT_EQ(answer(client, pub("a\x01", "x")), msg("a\x01", "1", "x"));
}

// Interest ----------------------------------------------------------------------------------------

class interest_of_a_hub : public a_hub {
 protected:
  static std::string changes(const std::string& lines) {
    return msg("$SYS.HUB.INTEREST", "1", lines);
  }
  /// The line that all of it begins with.
  [[nodiscard]] std::string whole() const {
    const std::size_t begin = info.find("\"server_id\":\"") + 13;
    return '=' + info.substr(begin, info.find('"', begin) - begin) + '\n';
  }
};

TEST_F(interest_of_a_hub, is_reported_at_once_and_as_it_changes) {
  start();
  RawStream one = connect();
  send(one, "SUB b.* 1\r\nSUB a 2\r\nSUB a q 3\r\n");
  RawStream listener = connect();
  const std::string all = answer(listener, "SUB $SYS.HUB.INTEREST 1\r\n");
  EXPECT_EQ(all, changes(whole() + "+a\n+b.*\n"));
  listener.received.clear();
  send(one, "UNSUB 2\r\n");  // the group is left
  send(one, "SUB c 4\r\nSUB c 5\r\n");
  EXPECT_TRUE(until_received(listener, changes("+c\n")));
  listener.received.clear();
  one.close();
  EXPECT_TRUE(until([&] {
    listener.collect();
    return listener.received.contains("-a\n") && listener.received.contains("-b.*\n") &&
           listener.received.contains("-c\n");
  }));
}

TEST_F(interest_of_a_hub, is_reported_again_after_the_last_listener_has_gone) {
  start();
  RawStream one = connect();
  send(one, "SUB a 1\r\n");
  RawStream listener = connect();
  send(listener, "SUB $SYS.HUB.INTEREST 2\r\nUNSUB 2\r\n");
  EXPECT_EQ(answer(listener, "SUB $SYS.HUB.INTEREST 1\r\n"), changes(whole() + "+a\n"));
}

TEST_F(interest_of_a_hub, is_that_of_programs_and_not_of_links_or_of_the_hub) {
  start();
  RawStream one = connect();
  send(one, "SUB a _HALLWAY.LINK.x 1\r\nSUB $SYS.HUB.GAP 2\r\n");
  RawStream listener = connect();
  EXPECT_EQ(answer(listener, "SUB $SYS.HUB.INTEREST 1\r\n"), changes(whole()));
  listener.received.clear();
  RawStream other = connect();
  send(other, "SUB $SYS.HUB.INTEREST 1\r\n");
  send(one, "SUB a 3\r\n");
  EXPECT_TRUE(until_received(listener, changes("+a\n")));
}

TEST_F(interest_of_a_hub, reaches_only_clients_that_subscribe_to_exactly_that) {
  start();
  RawStream everything = connect();
  send(everything, "SUB > 1\r\nSUB $SYS.HUB.* 2\r\n");
  RawStream listener = connect();
  send(listener, "SUB $SYS.HUB.INTEREST 1\r\n");
  RawStream one = connect();
  send(one, "SUB a 1\r\n");
  EXPECT_EQ(answer(everything, pub("x", "y")), msg("x", "1", "y"));
  EXPECT_EQ(
      answer(listener, pub("$SYS.HUB.INTEREST", "+a")),
      changes("+a\n") + "-ERR 'Permissions Violation for Publish to \"$SYS.HUB.INTEREST\"'\r\n");
}

TEST_F(interest_of_a_hub, waits_for_a_listener_that_does_not_read_and_is_reported_once) {
  HubOptions options;
  options.limits.outbound = 1;
  options.limits.max_memory_per_uid = 1 * mebibyte;
  options.limits.max_pending_per_subscription = 100'000;
  start(std::move(options));
  RawStream listener = connect("CONNECT {\"verbose\":false,\"full\":\"drop_newest\"}\r\n");
  const std::string name(3'000, 'a');
  std::string all = "SUB $SYS.HUB.INTEREST 1\r\nSUB b b\r\n";
  for (int i = 0; i < 2'000; ++i) all += pub("b", std::string(1'000, 'b'));
  send_all(listener, all);
  RawStream other = connect("CONNECT {\"verbose\":false}\r\n");
  std::string changes;
  for (int i = 0; i < 4'000; ++i) changes += "SUB " + name + " 1\r\nUNSUB 1\r\n";
  send_all(other, changes + "SUB " + name + " 1\r\nSUB c 2\r\nUNSUB 2\r\nSUB d 3\r\n");
  EXPECT_TRUE(until([&] {
    listener.collect();
    return listener.received.contains("+d\n");
  }));
  EXPECT_TRUE(listener.received.contains('+' + name + '\n'));
  EXPECT_LT(listener.received.size(), 10'000'000U);
  EXPECT_EQ(hub->statistics().slow_consumers, 0U);
}

TEST_F(interest_of_a_hub, is_nothing_for_another_user) {
  NEEDS_ROOT_TO_BECOME_ANOTHER_USER();
  HubOptions options;
  options.file.mode = 0666;
  options.rules.allow = {allow::any()};
  start(std::move(options));
  ForkedProcess other([&](const ForkedProcess::Say& report) {
    if (::setgid(some_user) != 0 || ::setuid(some_user) != 0) return;
    const Descriptor socket = raw_connected(SOCK_STREAM, path);
    raw_send(socket.get(),
             std::string(connect_as_programs_do) + "SUB $SYS.HUB.INTEREST 1\r\nPING\r\n");
    std::string received;
    while (!received.contains("PONG")) received += raw_receive(socket.get(), 65536, true).bytes;
    report(std::to_string(received.contains("Permissions Violation for Subscription")));
    wait_to_be_killed();
  });
  EXPECT_TRUE(until([&] { return events.size() == 1; }));
  EXPECT_EQ(other.line(), "1");
}

}  // namespace
}  // namespace hallway
