// SPDX-License-Identifier: Apache-2.0
#include "hub/server/rules.hpp"

#include <algorithm>
#include <string>
#include <utility>

#include <hallway/bytes.hpp>

#include "core/check_overflow.hpp"
#include "subject/inbox_subject.hpp"
#include "subject/reserved_subjects.hpp"
#include "subject/subject.hpp"

namespace hallway {

namespace hub {

namespace {

std::string place(std::string_view list, std::size_t index) {
  return std::string(list) + '[' + std::to_string(index) + ']';
}

Result<void> check(const std::vector<std::string>& patterns, const std::string& where) {
  for (std::size_t i = 0; i < patterns.size(); ++i) {
    if (is_subject_pattern(patterns[i])) continue;
    return std::unexpected(not_a_pattern(patterns[i], "rule", place(where, i)));
  }
  return {};
}

Result<void> check(const SubjectLists& lists, const std::string& where) {
  if (lists.allow) {
    if (auto checked = check(*lists.allow, where + ".allow"); !checked) return checked;
  }
  return check(lists.deny, where + ".deny");
}

/// Whether messages on all subjects that the pattern matches are never retained.
bool is_never_retained(std::string_view pattern) noexcept {
  return is_inbox(pattern) || is_internal(pattern);
}

Result<void> check(const RetainRule& rule, const std::string& where) {
  if (auto checked = check(rule.subjects, where); !checked) return checked;
  for (std::size_t i = 0; i < rule.subjects.size(); ++i) {
    const std::string& pattern = rule.subjects[i];
    if (!is_never_retained(pattern)) continue;
    return std::unexpected(Error{
        .code = std::make_error_code(std::errc::invalid_argument),
        .operation = "rule",
        .subject = place(where, i),
        .reason = '"' + printable(pattern) + "\" matches only subjects that are never retained",
        .hint = "messages below _INBOX, $SYS and _HALLWAY are for hubs and single clients"});
  }
  return {};
}

Result<void> check(OverflowPolicy policy, const std::string& where) {
  auto checked = core::check_overflow(policy, delivery_policies, "a hub's subscriptions");
  if (checked) return {};
  Error error = std::move(checked.error());
  error.reason = error.explain();
  error.operation = "rule";
  error.subject = where;
  return std::unexpected(std::move(error));
}

Result<void> resolve(std::vector<AllowRule>& who, const std::string& where) {
  for (std::size_t i = 0; i < who.size(); ++i) {
    auto resolved = who[i].resolved();
    if (!resolved) {
      Error error = std::move(resolved.error());
      error.reason = printable(who[i].to_string()) + ": " + error.why();
      error.subject = place(where, i);
      return std::unexpected(std::move(error));
    }
    who[i] = std::move(*resolved);
  }
  return {};
}

}  // namespace

Result<Rules> Rules::of(const HubRules& rules) {
  auto resolved = rules.resolved();
  if (!resolved) return std::unexpected(std::move(resolved.error()));
  Rules valid;
  valid.rules_ = std::move(*resolved);
  return valid;
}

const DeliveryRule* Rules::delivery_of(std::string_view subject, const Peer& peer,
                                       std::span<const std::uint32_t> groups) const {
  const auto about = [&](const DeliveryRule& rule) {
    return any_contains(rule.subjects, subject) &&
           std::ranges::any_of(rule.who,
                               [&](const AllowRule& who) { return who.admits(peer, groups); });
  };
  const auto found = std::ranges::find_if(rules_.delivery, about);
  return found == rules_.delivery.end() ? nullptr : &*found;
}

bool Rules::identifies(std::string_view subject) const noexcept {
  return any_matches(rules_.stamped, subject);
}

}  // namespace hub

Result<HubRules> HubRules::resolved() const {
  HubRules rules = *this;
  auto right = hub::resolve(rules.allow, "allow");
  for (std::size_t i = 0; right && i < rules.permissions.size(); ++i) {
    const std::string where = hub::place("permissions", i);
    PermissionRule& rule = rules.permissions[i];
    right = hub::resolve(rule.who, where + ".who");
    if (right) right = hub::check(rule.publish, where + ".publish");
    if (right) right = hub::check(rule.subscribe, where + ".subscribe");
  }
  for (std::size_t i = 0; right && i < rules.delivery.size(); ++i) {
    const std::string where = hub::place("delivery", i);
    DeliveryRule& rule = rules.delivery[i];
    right = hub::resolve(rule.who, where + ".who");
    if (right) right = hub::check(rule.subjects, where + ".subjects");
    if (right) right = hub::check(rule.overflow, where + ".overflow");
  }
  if (right) right = hub::check(rules.stamped, "stamped");
  for (std::size_t i = 0; right && i < rules.retain.size(); ++i) {
    right = hub::check(rules.retain[i], hub::place("retain", i) + ".subjects");
  }
  if (!right) return std::unexpected(std::move(right.error()));
  return rules;
}

}  // namespace hallway
