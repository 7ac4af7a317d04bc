// SPDX-License-Identifier: Apache-2.0
#include "hub/server/permissions.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <vector>

namespace hallway::hub {
namespace {

using Subscribing = Permissions::Subscribing;

const Peer somebody{1000, 1000, 1};

/// What a peer may that a single rule for everybody is about.
Permissions under(SubjectLists publish, SubjectLists subscribe) {
  const PermissionRule rule{{allow::any()}, std::move(publish), std::move(subscribe)};
  return Permissions::of(somebody, {}, {&rule, 1});
}

TEST(permissions, without_a_rule_everything_is_allowed) {
  const Permissions all = Permissions::of(somebody, {}, {}, true);
  EXPECT_TRUE(all.may_publish("a.b"));
  EXPECT_EQ(all.may_subscribe(">"), Subscribing::whole);
  EXPECT_TRUE(all.may_receive("a.b"));
}

TEST(permissions, without_a_rule_hide_the_subjects_of_links_from_clients_that_are_not_trusted) {
  const Permissions some = Permissions::of(somebody, {}, {});
  EXPECT_EQ(some.may_subscribe("_HALLWAY.LINK"), Subscribing::refused);
  EXPECT_EQ(some.may_subscribe("_HALLWAY.>"), Subscribing::refused);
  EXPECT_EQ(some.may_subscribe(">"), Subscribing::in_part);
  EXPECT_EQ(some.may_subscribe("*.LINK"), Subscribing::in_part);
  EXPECT_EQ(some.may_subscribe("a.>"), Subscribing::whole);
  EXPECT_FALSE(some.may_receive("_HALLWAY.REPLY.a"));
  EXPECT_TRUE(some.may_receive("a.b"));
}

TEST(permissions, an_allow_list_denies_everything_else) {
  const Permissions some = under({{{"foo.*", "a.>"}}, {"foo.no", "a.b.>"}}, {});
  EXPECT_TRUE(some.may_publish("foo.x"));
  EXPECT_FALSE(some.may_publish("foo.no"));
  EXPECT_FALSE(some.may_publish("foo.x.y"));
  EXPECT_TRUE(some.may_publish("a.b"));
  EXPECT_FALSE(some.may_publish("a.b.c"));
  EXPECT_FALSE(some.may_publish("z"));
  EXPECT_EQ(some.may_subscribe("z"), Subscribing::whole);
}

TEST(permissions, an_empty_allow_list_allows_nothing) {
  const Permissions none = under({{{}}, {}}, {{{}}, {}});
  EXPECT_FALSE(none.may_publish("a"));
  EXPECT_EQ(none.may_subscribe("a"), Subscribing::refused);
}

TEST(permissions, a_subscription_has_to_be_allowed_with_all_that_it_covers) {
  const Permissions some = under({}, {{{"foo.*"}}, {}});
  EXPECT_EQ(some.may_subscribe("foo.bar"), Subscribing::whole);
  EXPECT_EQ(some.may_subscribe("foo.*"), Subscribing::whole);
  for (const char* wider : {"foo.>", ">", "*.*", "*.bar", "foo"}) {
    EXPECT_EQ(some.may_subscribe(wider), Subscribing::refused) << wider;
  }
}

TEST(permissions, a_subscription_that_is_denied_in_part_gets_the_other_part) {
  const Permissions some = under({}, {{}, {"*.bar"}});
  for (const char* denied : {"foo.bar", "*.bar"}) {
    EXPECT_EQ(some.may_subscribe(denied), Subscribing::refused) << denied;
  }
  for (const char* partly : {"foo.*", "foo.>", ">", "*.*", "bar.>"}) {
    EXPECT_EQ(some.may_subscribe(partly), Subscribing::in_part) << partly;
  }
  for (const char* other : {"foo", "*", "foo.baz", "foo.*.>"}) {
    EXPECT_EQ(some.may_subscribe(other), Subscribing::whole) << other;
  }
  EXPECT_FALSE(some.may_receive("foo.bar"));
  EXPECT_TRUE(some.may_receive("foo.baz"));
}

TEST(permissions, rules_apply_to_users_groups_and_all) {
  const PermissionRule rules[] = {
      {{allow::any()}, {{{"public.>"}}, {}}, {}},
      {{allow::uid(1000), allow::uid(1001)}, {{{"users.>"}}, {}}, {}},
      {{allow::gid(44)}, {{{"video.>"}}, {"public.no"}}, {}},
  };
  const auto may = [&](const Peer& peer, std::vector<std::uint32_t> groups, const char* subject) {
    return Permissions::of(peer, groups, rules).may_publish(subject);
  };
  const Peer other{5, 5, 1};
  EXPECT_TRUE(may(other, {}, "public.a"));
  EXPECT_FALSE(may(other, {}, "users.a"));
  EXPECT_TRUE(may({1001, 5, 1}, {}, "users.a"));
  EXPECT_TRUE(may({1001, 5, 1}, {}, "public.no"));
  EXPECT_TRUE(may({5, 44, 1}, {}, "video.a"));
  EXPECT_TRUE(may(other, {7, 44}, "video.a"));
  EXPECT_FALSE(may(other, {7}, "video.a"));
}

const Peer stranger{1001, 1001, 1};

Permissions of_stranger(const std::vector<PermissionRule>& rules = {}) {
  return Permissions::of(stranger, {}, rules);
}

TEST(permissions, inboxes_are_received_by_a_client_that_names_one) {
  const Permissions permissions = of_stranger();
  for (const char* all : {"_INBOX.>", "_INBOX.*", "_INBOX.*.x", "_INBOX.*.>", "_INBOX.*.*.y"}) {
    EXPECT_EQ(permissions.may_subscribe(all), Subscribing::refused) << all;
    EXPECT_FALSE(permissions.receives_inboxes(all)) << all;
  }
  for (const char* some : {">", "*", "*.>", "*.*", "*.x", "*.x.>"}) {
    EXPECT_NE(permissions.may_subscribe(some), Subscribing::refused) << some;
    EXPECT_FALSE(permissions.receives_inboxes(some)) << some;
  }
  for (const char* own :
       {"_INBOX.x", "_INBOX.x.*", "_INBOX.x.>", "_INBOX.*x", "_INBOX", "_INBOXES.*", "a.>"}) {
    EXPECT_EQ(permissions.may_subscribe(own), Subscribing::whole) << own;
    EXPECT_TRUE(permissions.receives_inboxes(own)) << own;
  }
}

TEST(permissions, all_inboxes_are_received_by_trusted_clients_and_where_a_rule_allows_just_that) {
  const Permissions trusted = Permissions::of(stranger, {}, {}, true);
  EXPECT_EQ(trusted.may_subscribe("_INBOX.>"), Subscribing::whole);
  EXPECT_TRUE(trusted.receives_inboxes(">"));
  const auto with = [](AllowRule who, std::vector<std::string> allow) {
    return of_stranger({{{std::move(who)}, {}, {.allow = std::move(allow), .deny = {}}}});
  };
  EXPECT_EQ(with(allow::uid(stranger.uid), {"_INBOX.>"}).may_subscribe("_INBOX.*.x"),
            Subscribing::whole);
  EXPECT_TRUE(with(allow::uid(stranger.uid), {">", "_INBOX.>"}).receives_inboxes(">"));
  EXPECT_FALSE(with(allow::uid(stranger.uid), {">"}).receives_inboxes(">"));
  EXPECT_EQ(with(allow::uid(stranger.uid), {">"}).may_subscribe("_INBOX.>"), Subscribing::refused);
  EXPECT_FALSE(with(allow::uid(stranger.uid + 1), {"_INBOX.>"}).receives_inboxes(">"));
  // An inbox of its own is for everybody that this is about, those of others are not.
  const Permissions asks = with(allow::any(), {"news.>", "_INBOX.*.>"});
  EXPECT_EQ(asks.may_subscribe("_INBOX.abc.*"), Subscribing::whole);
  EXPECT_EQ(asks.may_subscribe("_INBOX.*.*"), Subscribing::refused);
}

TEST(permissions, what_one_rule_denies_no_other_allows) {
  const PermissionRule rules[] = {
      {{allow::uid(1000)}, {{{">"}}, {}}, {{{">"}}, {}}},
      {{allow::any()}, {{}, {"secret"}}, {{}, {"secret"}}},
  };
  const Permissions some = Permissions::of(somebody, {}, rules);
  EXPECT_FALSE(some.may_publish("secret"));
  EXPECT_TRUE(some.may_publish("other"));
  EXPECT_EQ(some.may_subscribe("secret"), Subscribing::refused);
  EXPECT_EQ(some.may_subscribe(">"), Subscribing::in_part);
}

}  // namespace
}  // namespace hallway::hub
