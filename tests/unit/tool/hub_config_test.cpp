// SPDX-License-Identifier: Apache-2.0
#include "tool/hub/hub_config.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <fstream>
#include <string>
#include <vector>

#include "support/temp_directory.hpp"

namespace hallway::tool {

namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

HubConfig parsed(const std::string& text) {
  auto config = parse_hub_config(text, "hub.toml");
  if (config) return std::move(*config);
  for (const Error& error : config.error()) ADD_FAILURE() << error.explain();
  return {};
}

/// "hub.toml:1: hub.mode: why", one for each error.
std::vector<std::string> errors_in(const std::string& text) {
  const auto config = parse_hub_config(text, "hub.toml");
  std::vector<std::string> lines;
  if (config) return lines;
  for (const Error& error : config.error()) {
    EXPECT_EQ(error.operation, "config");
    EXPECT_EQ(error.code, std::errc::invalid_argument);
    EXPECT_EQ(error.explain(), "config " + printable(error.subject) + ": " + error.why());
    lines.push_back(printable(error.subject) + ": " + error.why());
  }
  return lines;
}

TEST(HubConfig, an_empty_file_changes_no_default) {
  const HubConfig config = parsed("");
  EXPECT_THAT(fixed_differences(config, HubConfig()), IsEmpty());
  EXPECT_THAT(config.hub.rules.allow, IsEmpty());
  EXPECT_EQ(config.metrics.address, std::nullopt);
}

TEST(HubConfig, brackets_that_are_not_in_order_are_a_mistake_and_end_nothing) {
  for (const char* text : {"[[[permissions]]]\n", "[[\"a", "[=]", "[[*]]\n", "[.a]", "[,", "[#x]",
                           "[a.[b]]", "[\xff]", "{", "=", "a.=1"}) {
    EXPECT_THAT(errors_in(text), SizeIs(1)) << text;
  }
}

TEST(HubConfig, letters_beyond_ascii_stand_in_texts_and_comments) {
  EXPECT_THAT(errors_in("\xEF\xBB\xBF[hub] # gr\xC3\xBC\xC3\x9F dich\nname = \"Stra\xC3\x9F"
                        "e\"\n"),
              IsEmpty());
  for (const char* text :
       {"\nn\xC3\xA4me = 1\n", "\n[hub]\xC2\xA0\n", "\na.b.\xCD\x96 = 1\n", "\n\xD0\x96"}) {
    EXPECT_THAT(errors_in(text), ElementsAre(HasSubstr("hub.toml:2: not valid TOML"))) << text;
  }
}

TEST(HubConfig, keys_of_any_depth_are_refused_without_following_them) {
  std::string deep = "a";
  for (int i = 0; i < 200'000; ++i) deep += ".a";
  for (const std::string& text :
       {deep + " = 1\n", "\n[" + deep + "]\n", "x = { " + deep + " = 1 }"}) {
    EXPECT_THAT(errors_in(text), ElementsAre(HasSubstr("a key has too many parts")));
  }
  EXPECT_THAT(errors_in("\n[" + deep + "]\n"), ElementsAre(HasSubstr("hub.toml:2: ")));
  const std::string nested(100'000, '[');
  EXPECT_THAT(errors_in("x = " + nested), SizeIs(1));
  const std::string subject = "\"" + deep.substr(0, 199) + "\"";
  EXPECT_THAT(errors_in("[hub]\nstamped = [" + subject + ", '" + deep.substr(0, 199) +
                        "'] # .................\n"),
              IsEmpty());
}

TEST(HubConfig, the_hub_s_own_keys_are_those_of_its_options) {
  const HubConfig config = parsed(R"(
    [hub]
    address = "/run/hub.sock"
    name = "workbench"
    mode = "0660"
    owner = "root"
    group = 0
    allow = ["uid:0", "same-uid"]
    stamped = ["orders.>", "log.*"]
    on_path_lost = "rebind"
    takeover = true
    backlog = 12
    listen = ["tcp:127.0.0.1:4222", "tcp:[::1]:0", "activation:hub", "fd:3"]
  )");
  EXPECT_EQ(config.address->to_string(), "unix:/run/hub.sock");
  const HubOptions& hub = config.hub;
  EXPECT_EQ(hub.name, "workbench");
  EXPECT_EQ(hub.file.mode, 0660U);
  EXPECT_EQ(hub.file.owner, "root");
  EXPECT_EQ(hub.file.group, "0");
  ASSERT_THAT(hub.rules.allow, SizeIs(2));
  EXPECT_EQ(hub.rules.allow[0].to_string(), "uid:0");
  EXPECT_THAT(hub.rules.stamped, ElementsAre("orders.>", "log.*"));
  EXPECT_EQ(hub.on_path_lost, PathLost::rebind);
  EXPECT_TRUE(hub.takeover);
  EXPECT_EQ(hub.backlog, 12);
  EXPECT_THAT(hub.listen,
              ElementsAre("tcp:127.0.0.1:4222", "tcp:[::1]:0", "activation:hub", "fd:3"));
  EXPECT_FALSE(hub.listen_anywhere);
}

TEST(HubConfig, other_machines_reach_the_hub_only_if_that_is_meant) {
  for (const char* address : {"tcp:0.0.0.0:4222", "tcp:[::]:4222", "tcp:10.0.0.1:4222"}) {
    const std::string listen = "[hub]\nlisten = ['" + std::string(address) + "']\n";
    EXPECT_THAT(errors_in(listen),
                ElementsAre(HasSubstr("hub.toml:2: hub.listen: \"" + std::string(address) +
                                      "\": other machines can reach this address")));
    EXPECT_TRUE(parsed(listen + "listen_anywhere = true\n").hub.listen_anywhere);
  }
  for (const char* address :
       {"127.0.0.1:4222", "tcp:localhost:4222", "tcp:4222", "./hub", "@hub"}) {
    EXPECT_THAT(errors_in("[hub]\nlisten = ['" + std::string(address) + "']\n"),
                ElementsAre(HasSubstr("not a numeric IP address and a port")))
        << address;
  }
  EXPECT_THAT(errors_in("[hub]\nlisten = ['fd:3', 'tcp:127.0.0.1:1', 'fd:3']\n"),
              ElementsAre("hub.toml:2: hub.listen: \"fd:3\" is given twice"));
  for (const std::string each : {"tcp:127.0.0.1:0", "activation", "activation:nats"}) {
    EXPECT_THAT(errors_in("[hub]\nlisten = ['" + each + "', '" + each + "']\n"), IsEmpty()) << each;
  }
}

TEST(HubConfig, limits_are_written_as_flags_take_them) {
  const HubLimits limits = parsed(R"(
    [limits]
    connections = 10
    connections_per_uid = "11"
    subscriptions_per_uid = 12
    subject_tokens = 13
    memory_per_uid = "2M"
    pending_per_subscription = "64K"
    max_payload = 4096
    control_line = "1k"
    outbound = "128K"
    send_buffer = 0
    slow_time = "1.5s"
    ping_interval = "0s"
    pings_unanswered = 3
  )")
                               .hub.limits;
  EXPECT_EQ(limits.max_connections, 10U);
  EXPECT_EQ(limits.max_connections_per_uid, 11U);
  EXPECT_EQ(limits.max_subscriptions_per_uid, 12U);
  EXPECT_EQ(limits.max_subject_tokens, 13U);
  EXPECT_EQ(limits.max_memory_per_uid, 2 * mebibyte);
  EXPECT_EQ(limits.max_pending_per_subscription, 64 * kibibyte);
  EXPECT_EQ(limits.max_payload, 4 * kibibyte);
  EXPECT_EQ(limits.max_control_line, kibibyte);
  EXPECT_EQ(limits.outbound, 128 * kibibyte);
  EXPECT_EQ(limits.send_buffer, 0U);
  EXPECT_EQ(limits.slow_time, std::chrono::milliseconds(1500));
  EXPECT_EQ(limits.ping_interval, Duration::zero());
  EXPECT_EQ(limits.max_unanswered_pings, 3U);
}

TEST(HubConfig, permissions_distinguish_an_empty_allow_list_from_none) {
  const auto rules = parsed(R"(
    [[permissions]]
    who = ["uid:0"]
    publish = { allow = [], deny = ["a.>"] }
    [[permissions]]
    who = ["any"]
    subscribe.deny = ["secret.*"]
  )")
                         .hub.rules.permissions;
  ASSERT_THAT(rules, SizeIs(2));
  EXPECT_EQ(rules[0].who[0].to_string(), "uid:0");
  ASSERT_TRUE(rules[0].publish.allow);
  EXPECT_THAT(*rules[0].publish.allow, IsEmpty());
  EXPECT_THAT(rules[0].publish.deny, ElementsAre("a.>"));
  EXPECT_EQ(rules[0].subscribe.allow, std::nullopt);
  EXPECT_THAT(rules[1].subscribe.deny, ElementsAre("secret.*"));
}

TEST(HubConfig, a_delivery_rule_applies_to_all_users_without_who) {
  const auto rules = parsed(R"(
    [[delivery]]
    subjects = ["frames.*"]
    policy = "latest_only"
    pending = "8M"
    [[delivery]]
    subjects = ["log.>"]
    who = ["root"]
    policy = "drop_oldest"
  )")
                         .hub.rules.delivery;
  ASSERT_THAT(rules, SizeIs(2));
  EXPECT_THAT(rules[0].subjects, ElementsAre("frames.*"));
  EXPECT_EQ(rules[0].overflow, OverflowPolicy::latest_only);
  EXPECT_EQ(rules[0].pending, 8 * mebibyte);
  EXPECT_EQ(rules[0].who.at(0).to_string(), "any");
  EXPECT_EQ(rules[1].who.at(0).to_string(), "root");
  EXPECT_EQ(rules[1].pending, std::nullopt);
}

TEST(HubConfig, a_retain_rule_has_limits_of_its_own) {
  const auto rules = parsed(R"(
    [[retain]]
    subjects = ["state.>", "now.*"]
    [[retain]]
    subjects = ["_INBOX", ">"]
    most = 5
    most_per_uid = 4
    memory = "3M"
    memory_per_uid = "2K"
  )")
                         .hub.rules.retain;
  ASSERT_THAT(rules, SizeIs(2));
  EXPECT_THAT(rules[0].subjects, ElementsAre("state.>", "now.*"));
  EXPECT_EQ(rules[0].limits.max_values, 10'000U);
  EXPECT_EQ(rules[0].limits.max_values_per_uid, 5'000U);
  EXPECT_EQ(rules[0].limits.max_memory, 16 * mebibyte);
  EXPECT_EQ(rules[0].limits.max_memory_per_uid, 8 * mebibyte);
  EXPECT_EQ(rules[1].limits.max_values, 5U);
  EXPECT_EQ(rules[1].limits.max_values_per_uid, 4U);
  EXPECT_EQ(rules[1].limits.max_memory, 3 * mebibyte);
  EXPECT_EQ(rules[1].limits.max_memory_per_uid, 2 * kibibyte);
}

TEST(HubConfig, a_retain_rule_that_retains_nothing_is_a_mistake) {
  EXPECT_THAT(
      errors_in("[[retain]]\nmost = 1\n[[retain]]\nsubjects = ['$SYS.>']\n[[retain]]\nsubjects = "
                "['_INBOX.a']\nmost = 0\n"),
      ElementsAre(HasSubstr("hub.toml:1: retain[0].subjects: required: those"),
                  HasSubstr("hub.toml:4: retain[1].subjects[0]: \"$SYS.>\": matches no subject"),
                  HasSubstr("hub.toml:6: retain[2].subjects[0]: \"_INBOX.a\": matches no subject"),
                  HasSubstr("hub.toml:7: retain[2].most: \"0\": ")));
}

TEST(HubConfig, metrics_have_an_address_of_either_kind) {
  const auto tcp = parsed("[metrics]\naddress = '127.0.0.1:9464'\nsubscriptions = 5").metrics;
  EXPECT_EQ(tcp.address, MetricsAddress(TcpAddress{"127.0.0.1:9464"}));
  EXPECT_EQ(tcp.subscriptions, 5U);
  const auto unix = parsed("[metrics]\naddress = './m'\nmode = '0640'\nowner = 0\ngroup = 0");
  EXPECT_EQ(write_metrics_address(*unix.metrics.address), "unix:./m");
  EXPECT_EQ(unix.metrics.file.mode, 0640U);
  EXPECT_EQ(unix.metrics.file.owner, "0");
  EXPECT_EQ(unix.metrics.file.group, "0");
}

TEST(HubConfig, every_mistake_is_named_with_its_line_its_key_and_what_was_expected) {
  EXPECT_THAT(
      errors_in("[hub]\n"
                "mode = 660\n"
                "on_path_lost = 'panic'\n"
                "takeover = 'yes'\n"
                "allow = 'any'\n"
                "stamped = ['a..b']\n"
                "[limits]\n"
                "max_payload = 'lots'\n"
                "outbound = 0\n"
                "slow_time = 1.5\n"),
      ElementsAre(
          R"(hub.toml:2: hub.mode: a mode is written in quotes, as in "0660")",
          R"(hub.toml:3: hub.on_path_lost: "panic": not a policy (warn, rebind, exit))",
          "hub.toml:4: hub.takeover: must be true or false",
          R"(hub.toml:5: hub.allow: not a list, as in ["a", "b"])",
          R"(hub.toml:6: hub.stamped[0]: "a..b": not a subject pattern (tokens between dots; )"
          "* matches one token, > at the end one or more)",
          R"(hub.toml:8: limits.max_payload: "lots": not a size (a whole number, then K, M or G))",
          R"(hub.toml:9: limits.outbound: "0": not a size of at least 1)",
          "hub.toml:10: limits.slow_time: a number with a fraction, not a text or a whole number"));
}

TEST(HubConfig, a_limit_that_no_hub_could_keep_is_a_mistake) {
  EXPECT_THAT(
      errors_in("[hub]\n"
                "backlog = 2147483648\n"
                "[limits]\n"
                "control_line = 1023\n"
                "pings_unanswered = '4294967296'\n"),
      ElementsAre(
          R"(hub.toml:2: hub.backlog: "2147483648": too large (at most 2147483647))",
          R"(hub.toml:4: limits.control_line: "1023": must be at least 1K, for the first )"
          "line of a client",
          R"(hub.toml:5: limits.pings_unanswered: "4294967296": too large (at most 4294967295))"));
  EXPECT_THAT(errors_in("[hub]\nbacklog = 2147483647\n[limits]\ncontrol_line = '1K'\n"
                        "pings_unanswered = 4294967295\n"),
              IsEmpty());
}

TEST(HubConfig, a_mistake_has_the_hint_that_a_flag_would_have) {
  const auto config = parse_hub_config("[limits]\nmax_payload = '5G'\n", "hub.toml");
  ASSERT_FALSE(config);
  EXPECT_EQ(config.error().at(0).hint, "a message has at most 4294967294 bytes");
}

TEST(HubConfig, a_link_is_to_servers_of_nats) {
  for (const char* url : {"foo://x", "10.0.0.1:4222", ""}) {
    EXPECT_THAT(errors_in("[link]\nurls = ['nats://x', '" + std::string(url) + "']\n"),
                ElementsAre(HasSubstr("hub.toml:2: link.urls[1]: \"" + std::string(url) +
                                      "\": not a URL of a NATS server")));
  }
}

TEST(HubConfig, a_pattern_of_which_a_link_passes_on_nothing_is_a_mistake) {
  for (const char* key : {"exports", "always", "imports"}) {
    for (const char* pattern : {"$SYS.>", "_HALLWAY.>", "_HALLWAY.REPLY.x", "$SYS.*"}) {
      EXPECT_THAT(errors_in("[link]\nurls = ['nats://x']\n" + std::string(key) + " = ['a', '" +
                            pattern + "']\n"),
                  ElementsAre(HasSubstr("hub.toml:3: link." + std::string(key) + "[1]: \"" +
                                        pattern + "\": matches no subject that a link forwards")));
    }
    EXPECT_THAT(errors_in("[link]\nurls = ['nats://x']\n" + std::string(key) +
                          " = ['>', '*.x', '$JS.>', '$SYS', '_HALLWAYS.>']\n"),
                IsEmpty());
  }
}

TEST(HubConfig, the_first_wait_of_a_link_is_not_above_its_longest) {
  const std::string link = "[link]\nurls = ['nats://x']\n";
  EXPECT_THAT(errors_in(link + "first_wait = '3s'\n"),
              ElementsAre("hub.toml:3: link.first_wait: longer than most_wait, 2s"));
  EXPECT_THAT(errors_in(link + "most_wait = '1s'\nfirst_wait = '1001ms'\n"),
              ElementsAre("hub.toml:4: link.first_wait: longer than most_wait, 1s"));
  EXPECT_THAT(errors_in(link + "first_wait = '2s'\n"), IsEmpty());
  const auto only_the_longest = parse_hub_config(link + "most_wait = '10ms'\n", "hub.toml");
  ASSERT_TRUE(only_the_longest);
  EXPECT_EQ(only_the_longest->link->reconnect.first_wait, std::chrono::milliseconds(10));
}

TEST(HubConfig, an_account_of_a_link_has_publishers_and_credentials) {
  const std::string link = "[link]\nurls = ['nats://x']\n";
  const HubConfig config =
      parsed(link +
             "[[link.as]]\nwho = ['uid:0', 'same-uid']\ntoken = 't'\n"
             "[[link.as]]\nwho = ['any']\nname = 'rest'\nuser = 'u'\npassword = 'p'\n");
  ASSERT_THAT(config.link->accounts, SizeIs(2));
  EXPECT_EQ(config.link->accounts[0].shown_name(), "uid:0,same-uid");
  EXPECT_EQ(config.link->accounts[0].token, "t");
  EXPECT_EQ(config.link->accounts[1].shown_name(), "rest");
  EXPECT_EQ(config.link->accounts[1].user, "u");
  EXPECT_EQ(config.link->accounts[1].password, "p");

  EXPECT_THAT(errors_in(link + "as = 1\n"),
              ElementsAre("hub.toml:3: link.as: not a list of tables: write [[link.as]]"));
  EXPECT_THAT(errors_in(link + "[[link.as]]\nwho = []\nuser = 'u'\n"),
              ElementsAre(HasSubstr("hub.toml:4: link.as[0].who: empty")));
  EXPECT_THAT(errors_in(link + "[[link.as]]\nwho = ['any']\npassword = 'p'\n"),
              ElementsAre(HasSubstr("hub.toml:3: link.as[0].user: required: or token")));
  EXPECT_THAT(errors_in(link + "[[link.as]]\nwho = ['gid:7']\nuser = 'u'\n"),
              ElementsAre("hub.toml:4: link.as[0].who[0]: \"gid:7\": a link knows the uid of a "
                          "publisher, not its groups"));
  EXPECT_THAT(errors_in(link + "[[link.as]]\nwho = ['root']\nuser = 'u'\n"
                               "[[link.as]]\nwho = ['any']\nname = 'root'\nuser = 'v'\n"),
              ElementsAre(HasSubstr("link.as: two accounts are named \"root\"")));
  EXPECT_THAT(
      errors_in(link + "[[link.as]]\nwho = ['any']\nuser = 'u'\n"
                       "[[link.as]]\nwho = ['root']\nuser = 'v'\n"),
      ElementsAre(HasSubstr("link.as: \"any\" has every publisher, so no account behind it")));
  EXPECT_THAT(errors_in(link + "[[link.as]]\nwho = ['any']\nuser = 'u'\npassword = 'a\\b'\n"),
              ElementsAre("hub.toml:6: link.as[0].password: a control byte, a \" or a \\ cannot be "
                          "sent by libnats"));
  std::string many = link;
  for (std::size_t uid = 1; uid <= max_link_accounts + 1; ++uid) {
    many += "[[link.as]]\nwho = ['uid:" + std::to_string(uid) + "']\nuser = 'u'\n";
  }
  EXPECT_THAT(errors_in(many),
              ElementsAre(HasSubstr("link.as: 33 accounts, more than a link may have: 32")));
}

TEST(HubConfig, a_different_account_of_a_link_needs_a_restart) {
  const auto with = [](const std::string& account) {
    return parsed("[link]\nurls = ['nats://x']\n[[link.as]]\n" + account);
  };
  const HubConfig config = with("who = ['root']\nuser = 'u'\n");
  EXPECT_THAT(fixed_differences(config, with("who = ['root']\nuser = 'u'\n")), IsEmpty());
  for (const char* other : {"who = ['any']\nuser = 'u'\n", "who = ['root']\nuser = 'v'\n",
                            "who = ['root']\nuser = 'u'\npassword = 'p'\n"}) {
    EXPECT_THAT(fixed_differences(config, with(other)), ElementsAre("link")) << other;
  }
}

TEST(HubConfig, a_policy_that_is_not_supported_there_is_refused_with_the_list_of_the_others) {
  EXPECT_THAT(errors_in("[[delivery]]\nsubjects = ['a']\npolicy = 'fail'\n"),
              ElementsAre("hub.toml:3: delivery[0].policy: \"fail\": not a policy (wait, "
                          "drop_oldest, drop_newest, latest_only, disconnect)"));
  EXPECT_THAT(errors_in("[link]\nurls = ['nats://x']\nfull = 'latest_only'\n"),
              ElementsAre("hub.toml:3: link.full: \"latest_only\": not a policy (drop_oldest, "
                          "drop_newest)"));
}

TEST(HubConfig, an_unknown_key_is_a_mistake_and_the_known_ones_are_listed) {
  EXPECT_THAT(
      errors_in("colour = 'red'\n[limits]\nconnection = 1\n"),
      ElementsAre(
          "hub.toml:1: colour: not a key (hub, limits, metrics, link, permissions, delivery, "
          "retain)",
          HasSubstr("hub.toml:3: limits.connection: not a key (connections, ")));
}

TEST(HubConfig, a_key_is_known_whether_it_is_there_or_not) {
  EXPECT_THAT(errors_in("[[permissions]]\nwho = ['any']\npublish.alow = []\n"),
              ElementsAre("hub.toml:3: permissions[0].publish.alow: not a key (allow, deny)"));
}

TEST(HubConfig, a_key_that_would_reach_a_terminal_is_made_harmless) {
  EXPECT_THAT(errors_in("\"\\u001b[2J\" = 1"), ElementsAre(HasSubstr(R"(\x1b[2J: not a key)")));
}

TEST(HubConfig, a_rule_that_was_cut_short_is_a_mistake) {
  EXPECT_THAT(errors_in("[[permissions]]\nwho = ['any']\n"),
              ElementsAre(HasSubstr("permissions[0].publish: this or subscribe is required")));
  EXPECT_THAT(errors_in("[[permissions]]\nwho = ['any']\n[permissions.publish]\n"),
              ElementsAre(HasSubstr("permissions[0].publish: empty: allow or deny")));
}

TEST(HubConfig, a_rule_needs_users_and_subjects) {
  EXPECT_THAT(
      errors_in("[[permissions]]\n"
                "publish.allow = ['a']\n"
                "[[permissions]]\n"
                "who = []\n"
                "[[delivery]]\n"
                "who = ['nobody-here']\n"
                "[[delivery]]\n"
                "subjects = ['a']\n"
                "policy = 'pray'\n"
                "[delivery.more]\n"),
      ElementsAre(HasSubstr("hub.toml:1: permissions[0].who: required: the users"),
                  HasSubstr("hub.toml:3: permissions[1].publish: this or subscribe is required"),
                  HasSubstr("hub.toml:4: permissions[1].who: empty: the users"),
                  HasSubstr("hub.toml:5: delivery[0].subjects: required: the"),
                  HasSubstr("hub.toml:5: delivery[0].policy: required: what"),
                  HasSubstr(R"(hub.toml:6: delivery[0].who[0]: "nobody-here": )"),
                  HasSubstr(R"(hub.toml:9: delivery[1].policy: "pray": not a policy (wait)"),
                  HasSubstr("hub.toml:10: delivery[1].more: not a key (subjects, ")));
  EXPECT_THAT(errors_in("permissions = 1\n[delivery]\nsubjects = ['a']\n"),
              ElementsAre("hub.toml:1: permissions: not a list of tables: write [[permissions]]",
                          "hub.toml:2: delivery: not a list of tables: write [[delivery]]"));
  EXPECT_THAT(
      errors_in("permissions = [1]\nlimits = 2\n"),
      ElementsAre("hub.toml:1: permissions[0]: not a table", "hub.toml:2: limits: not a table"));
}

TEST(HubConfig, invalid_toml_is_reported_with_its_line) {
  EXPECT_THAT(errors_in("[hub]\nname = \n"),
              ElementsAre(HasSubstr("hub.toml:2: not valid TOML: ")));
  EXPECT_THAT(errors_in("[hub]\nmode = 0600\n"),
              ElementsAre(AllOf(HasSubstr("hub.toml:2: not valid TOML: "),
                                HasSubstr("modes are written in quotes: mode = \"0600\""))));
}

TEST(HubConfig, a_file_that_cannot_be_read_is_the_kernel_s_error) {
  const test::TempDirectory directory;
  const std::string path = directory / "hub.toml";
  auto none = read_hub_config(path);
  ASSERT_FALSE(none);
  ASSERT_THAT(none.error(), SizeIs(1));
  EXPECT_EQ(none.error()[0].code, std::errc::no_such_file_or_directory);
  EXPECT_EQ(none.error()[0].subject, path);
  auto folder = read_hub_config(directory.path());
  ASSERT_FALSE(folder);
  EXPECT_EQ(folder.error().at(0).code, std::errc::is_a_directory);
  std::ofstream(path) << "[hub]\nname = 'here'\n";
  auto config = read_hub_config(path);
  ASSERT_TRUE(config);
  EXPECT_EQ(config->hub.name, "here");
}

TEST(HubConfig, only_the_rules_of_a_running_hub_can_change) {
  const HubConfig rules = parsed(
      "[hub]\nallow = ['root']\nstamped = ['a']\n"
      "[[permissions]]\nwho = ['root']\npublish.deny = ['a']\n"
      "[[delivery]]\nsubjects = ['a']\npolicy = 'wait'\n"
      "[[retain]]\nsubjects = ['a']\n");
  EXPECT_THAT(fixed_differences(HubConfig(), rules), IsEmpty());
  const HubConfig rest = parsed(
      "[hub]\naddress = '/h'\nname = 'n'\nmode = '0660'\nowner = 0\ngroup = 0\n"
      "on_path_lost = 'exit'\ntakeover = true\nbacklog = 1\n"
      "listen = ['tcp:0.0.0.0:1']\nlisten_anywhere = true\n"
      "[limits]\nmax_payload = '1K'\nslow_time = '1s'\npings_unanswered = 9\n"
      "[metrics]\naddress = './m'\nmode = '0660'\nowner = 0\ngroup = 0\nsubscriptions = 1\n");
  EXPECT_THAT(fixed_differences(HubConfig(), rest),
              ElementsAre("hub.address", "hub.name", "hub.mode", "hub.owner", "hub.group",
                          "hub.on_path_lost", "hub.takeover", "hub.backlog", "hub.listen",
                          "hub.listen_anywhere", "limits.max_payload", "limits.slow_time",
                          "limits.pings_unanswered", "metrics.address", "metrics.mode",
                          "metrics.owner", "metrics.group", "metrics.subscriptions"));
}

}  // namespace

}  // namespace hallway::tool
