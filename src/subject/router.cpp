// SPDX-License-Identifier: Apache-2.0
#include "subject/router.hpp"

#include <algorithm>

namespace hallway::hub {

void Router::add(RoutedSubscription& subscription) {
  const bool first = tree_.add(subscription);
  cache_.interest_changed(subscription.subject());
  if (first && observer_ != nullptr) {
    observer_->interest_began(subscription.subject(), subscription.group());
  }
}

void Router::remove(RoutedSubscription& subscription) noexcept {
  const bool last = tree_.remove(subscription);
  cache_.interest_changed(subscription.subject());
  if (last && observer_ != nullptr) {
    observer_->interest_ended(subscription.subject(), subscription.group());
  }
}

std::size_t Router::size_of_first_group(std::span<const MatchResult::Member> members) {
  const auto end = std::ranges::find_if(members, [&](const MatchResult::Member& member) {
    return member.group != members.front().group;
  });
  return static_cast<std::size_t>(end - members.begin());
}

/// Valid until the next call, and until a subscription is added or removed.
const MatchResult& Router::match_result(std::string_view subject) {
  const std::uint64_t hash = cache_.hash(subject);
  if (const MatchResult* known = cache_.find(subject, hash)) {
    looked_at_ = known->size();
    return *known;
  }
  looked_at_ = tree_.collect(subject, found_) + found_.size();
  cache_.learn(subject, hash, found_);
  return found_;
}

}  // namespace hallway::hub
