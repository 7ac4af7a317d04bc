// SPDX-License-Identifier: Apache-2.0
#include "hub/server/rules.hpp"

#include <algorithm>
#include <array>
#include <string>
#include <utility>

#include <hallway/bytes.hpp>

#include "subject/subject.hpp"

namespace hallway {

namespace {

constexpr auto policy_names = std::to_array<std::pair<std::string_view, DeliveryPolicy>>({
    {"wait", DeliveryPolicy::wait},
    {"drop_oldest", DeliveryPolicy::drop_oldest},
    {"drop_newest", DeliveryPolicy::drop_newest},
    {"latest_only", DeliveryPolicy::latest_only},
    {"disconnect", DeliveryPolicy::disconnect},
});

}  // namespace

std::string_view to_string(DeliveryPolicy policy) noexcept {
  for (const auto& [name, named] : policy_names) {
    if (named == policy) return name;
  }
  return "unknown policy";
}

std::optional<DeliveryPolicy> delivery_policy(std::string_view name) noexcept {
  for (const auto& [known, policy] : policy_names) {
    if (known == name) return policy;
  }
  return std::nullopt;
}

namespace hub {

namespace {

std::string place(std::string_view list, std::size_t index) {
  return std::string(list) + '[' + std::to_string(index) + ']';
}

Result<void> check(const std::vector<std::string>& patterns, const std::string& where) {
  for (std::size_t i = 0; i < patterns.size(); ++i) {
    if (is_valid_subject(patterns[i])) continue;
    return std::unexpected(Error{std::make_error_code(std::errc::invalid_argument), "rule",
                                 place(where, i),
                                 '"' + printable(patterns[i]) + "\" is no pattern of subjects",
                                 "tokens between dots, * for any one, > at the end for the rest"});
  }
  return {};
}

Result<void> check(const SubjectLists& lists, const std::string& where) {
  if (lists.allow) {
    if (auto checked = check(*lists.allow, where + ".allow"); !checked) return checked;
  }
  return check(lists.deny, where + ".deny");
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
    return std::ranges::any_of(rule.subjects,
                               [&](const auto& pattern) { return is_subset(subject, pattern); }) &&
           std::ranges::any_of(rule.who,
                               [&](const AllowRule& who) { return who.admits(peer, groups); });
  };
  const auto found = std::ranges::find_if(rules_.delivery, about);
  return found == rules_.delivery.end() ? nullptr : &*found;
}

bool Rules::stamps(std::string_view subject) const noexcept {
  return std::ranges::any_of(rules_.stamped,
                             [&](const auto& pattern) { return matches(pattern, subject); });
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
  }
  if (right) right = hub::check(rules.stamped, "stamped");
  if (!right) return std::unexpected(std::move(right.error()));
  return rules;
}

}  // namespace hallway
