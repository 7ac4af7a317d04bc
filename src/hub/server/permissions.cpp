// SPDX-License-Identifier: Apache-2.0
#include "hub/server/permissions.hpp"

#include <algorithm>

#include "subject/inbox_subject.hpp"
#include "subject/reserved_subjects.hpp"
#include "subject/subject.hpp"

namespace hallway::hub {

namespace {

void add(SubjectLists& sum, const SubjectLists& lists) {
  if (lists.allow) {
    if (!sum.allow) sum.allow.emplace();
    sum.allow->insert(sum.allow->end(), lists.allow->begin(), lists.allow->end());
  }
  sum.deny.insert(sum.deny.end(), lists.deny.begin(), lists.deny.end());
}

bool allows_all_inboxes(const SubjectLists& subscribe) {
  return subscribe.allow &&
         std::ranges::find(*subscribe.allow, all_inboxes) != subscribe.allow->end();
}

}  // namespace

Permissions Permissions::of(const Peer& peer, std::span<const std::uint32_t> groups,
                            std::span<const PermissionRule> rules, bool trusted) {
  Permissions permissions;
  permissions.receives_all_inboxes_ = trusted;
  for (const PermissionRule& rule : rules) {
    const bool meant = std::ranges::any_of(
        rule.who, [&](const AllowRule& who) { return who.admits(peer, groups); });
    if (!meant) continue;
    add(permissions.publish_, rule.publish);
    add(permissions.subscribe_, rule.subscribe);
    if (allows_all_inboxes(rule.subscribe)) permissions.receives_all_inboxes_ = true;
  }
  // Messages of links, and replies to them, are only for trusted peers, even through a wildcard.
  if (!trusted) permissions.subscribe_.deny.push_back(std::string(link_prefix) + '>');
  return permissions;
}

void Permissions::restrict_to(Permissions other) {
  responsible_ = std::make_shared<const Permissions>(std::move(other));
}

bool Permissions::may_publish(std::string_view subject) const noexcept {
  const bool allowed = !publish_.allow || any_matches(*publish_.allow, subject);
  return allowed && !any_matches(publish_.deny, subject) &&
         (!responsible_ || responsible_->may_publish(subject));
}

Permissions::Subscribing Permissions::may_subscribe(std::string_view subject) const noexcept {
  if (!receives_all_inboxes_ && inbox_reach_of(subject) == InboxReach::all) {
    return Subscribing::refused;  // otherwise it would receive nothing, without any error
  }
  const bool allowed = !subscribe_.allow || any_contains(*subscribe_.allow, subject);
  if (!allowed || any_contains(subscribe_.deny, subject)) return Subscribing::refused;
  const auto besides = responsible_ ? responsible_->may_subscribe(subject) : Subscribing::whole;
  if (besides != Subscribing::whole) return besides;
  const bool touched = std::ranges::any_of(
      subscribe_.deny, [&](std::string_view denied) { return overlap(denied, subject); });
  return touched ? Subscribing::in_part : Subscribing::whole;
}

bool Permissions::receives_inboxes(std::string_view subject) const noexcept {
  const bool receives = receives_all_inboxes_ || inbox_reach_of(subject) == InboxReach::named;
  return receives && (!responsible_ || responsible_->receives_inboxes(subject));
}

bool Permissions::may_receive(std::string_view subject) const noexcept {
  return !any_matches(subscribe_.deny, subject) &&
         (!responsible_ || responsible_->may_receive(subject));
}

}  // namespace hallway::hub
