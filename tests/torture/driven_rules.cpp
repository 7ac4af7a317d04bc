// SPDX-License-Identifier: Apache-2.0
#include "torture/driven_rules.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <utility>
#include <vector>

#include "subject/inbox_subject.hpp"
#include "subject/reserved_subjects.hpp"
#include "subject/subject.hpp"
#include "support/processes.hpp"

namespace hallway::torture {

namespace {

Peer peer_of(const DrivenClient& client) { return {client.uid, client.uid, 1}; }

}  // namespace

OverflowPolicy any_policy(Chance& chance) {
  static const std::vector<OverflowPolicy> policies{
      OverflowPolicy::wait, OverflowPolicy::drop_oldest, OverflowPolicy::drop_newest,
      OverflowPolicy::latest_only, OverflowPolicy::disconnect};
  return chance.one_of(policies);
}

HubRules any_rules(Chance& chance) {
  using test::some_user;
  HubRules rules;
  rules.allow = {allow::any()};
  if (chance.percent(40)) rules.stamped = {"a.>", "_INBOX.>"};
  auto& permissions = rules.permissions;
  if (chance.percent(40))
    permissions.push_back({{allow::any()}, {.allow = {}, .deny = {"c.>"}}, {}});
  if (chance.percent(30)) {
    permissions.push_back({{allow::uid(some_user)}, {}, {.allow = {}, .deny = {"a.b", "b.>"}}});
  }
  if (chance.percent(30)) {
    permissions.push_back(
        {{allow::uid(some_user + 1)}, {}, {.allow = {{">", "_INBOX.>"}}, .deny = {}}});
  }
  if (chance.percent(30)) {
    rules.delivery.push_back({.subjects = {"a.>"}, .overflow = any_policy(chance)});
  }
  if (chance.percent(30)) {
    rules.delivery.push_back({.subjects = {"b", "*.b"},
                              .who = {allow::uid(some_user)},
                              .overflow = any_policy(chance),
                              .pending = 2 * kibibyte});
  }
  return rules;
}

void DrivenRules::take(const HubRules& rules) {
  auto valid = hub::Rules::of(rules);
  ASSERT_TRUE(valid) << valid.error().explain();
  rules_ = std::move(*valid);
}

bool DrivenRules::may_publish(const DrivenClient& client, const std::string& subject) const {
  return !hub::has_white_space(subject) && !subject.starts_with(hub::reserved_prefix) &&
         permissions_of(client).may_publish(subject);
}

bool DrivenRules::may_subscribe(const DrivenClient& client, const std::string& pattern) const {
  return permissions_of(client).may_subscribe(pattern) != hub::Permissions::Subscribing::refused;
}

OverflowPolicy DrivenRules::policy_of(const DrivenClient& client,
                                      const std::string& pattern) const {
  const DeliveryRule* rule = rules_.delivery_of(pattern, peer_of(client), {});
  return rule != nullptr ? rule->overflow : client.policy;
}

bool DrivenRules::hears(const DrivenClient& client, const Subscribed& subscribed,
                        const std::string& subject) const {
  if (!hub::matches(subscribed.pattern, subject)) return false;
  const hub::Permissions permissions = permissions_of(client);
  return permissions.may_receive(subject) &&
         (!hub::is_inbox(subject) || permissions.receives_inboxes(subscribed.pattern));
}

hub::Permissions DrivenRules::permissions_of(const DrivenClient& client) const {
  const bool trusted = client.uid == 0 || client.uid == ::geteuid();
  return rules_.permissions_of(peer_of(client), {}, trusted);
}

}  // namespace hallway::torture
