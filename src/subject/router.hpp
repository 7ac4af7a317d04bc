// SPDX-License-Identifier: Apache-2.0
//
// Finds the subscriptions that a message is for.
//
//     router.match(subject, recipients, echo ? nullptr : &publisher);
//     for (const SubscriptionId id : recipients) {
//       RoutedSubscription* to = router.find(id);
//       if (to == nullptr) continue;  // an earlier delivery ended it
//       const bool last = to->count_messages();
//       deliver(*to, message);
//       if (last) router.remove(*to);
//     }
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "core/siphash.hpp"
#include "subject/match_cache.hpp"
#include "subject/subject_tree.hpp"
#include "subject/subscription.hpp"

namespace hallway::hub {

/// Is notified when interest in a subject begins and ends. An empty group stands for the
/// subscriptions that are in no group. An observer must not call the router.
class InterestObserver {
 public:
  virtual ~InterestObserver() = default;
  /// The first subscription with this subject and group was added.
  virtual void interest_began(std::string_view subject, std::string_view group) noexcept = 0;
  virtual void interest_ended(std::string_view subject, std::string_view group) noexcept = 0;
};

/// Does not own subscriptions. If a function that is not noexcept runs out of memory, it throws and
/// changes nothing. Thread: one.
class Router {
 public:
  using Random = std::move_only_function<std::uint32_t()>;

  /// @param key     random, so that a peer cannot make the tables degenerate
  /// @param random  selects the member of a group that gets a message
  /// @param observer  outlives the router; may be null
  Router(const core::HashKey& key, Random random, InterestObserver* observer = nullptr)
      : tree_(key), cache_(key), random_(std::move(random)), observer_(observer) {}

  /// Precondition: its subject is valid, and it is in no router.
  void add(RoutedSubscription& subscription);

  /// Precondition: it is in this router.
  void remove(RoutedSubscription& subscription) noexcept;

  /// nullptr once the subscription was removed.
  [[nodiscard]] RoutedSubscription* find(SubscriptionId id) const noexcept {
    return tree_.find(id);
  }

  struct Everybody {
    bool operator()(const RoutedSubscription&) const noexcept { return true; }
  };

  /// Replaces the contents of `matched` with the subscriptions that a message with this subject is
  /// for: each subscription that is in no group, and one member of each group. Skips the
  /// subscriptions of `except`, a publisher that wants no echo, and those that do not accept the
  /// message; in a group it then tries the next member. Empty if a token is empty. Allocates
  /// nothing once its buffers are large enough.
  /// @param accepts  bool(const RoutedSubscription&); does not call the router
  template <typename Accepts = Everybody>
  void match(std::string_view subject, std::vector<SubscriptionId>& matched,
             const void* except = nullptr, Accepts accepts = {}) {
    const auto takes_it = [&](SubscriptionId id) {
      // Reading a subscription usually misses the cache, so do it only if it is needed.
      if (std::is_same_v<Accepts, Everybody> && except == nullptr) return true;
      const RoutedSubscription& subscription = *find(id);
      return (except == nullptr || subscription.owner() != except) && accepts(subscription);
    };
    matched.clear();
    const MatchResult& result = match_result(subject);
    for (const SubscriptionId id : result.all) {
      if (takes_it(id)) matched.push_back(id);
    }
    for (std::span<const MatchResult::Member> rest = result.members; !rest.empty();) {
      const auto group = rest.first(size_of_first_group(rest));
      rest = rest.subspan(group.size());
      const std::size_t begin = group.size() == 1 ? 0 : random_() % group.size();
      for (std::size_t i = 0; i < group.size(); ++i) {
        const SubscriptionId id = group[(begin + i) % group.size()].id;
        if (!takes_it(id)) continue;
        matched.push_back(id);
        break;
      }
    }
  }

  /// Calls `see` for each subscription that matches the subject, with all members of each group.
  /// @param see  void(const RoutedSubscription&); does not call the router
  template <typename See>
  void for_each_match(std::string_view subject, See see) {
    const MatchResult& result = match_result(subject);
    for (const SubscriptionId id : result.all) see(std::as_const(*find(id)));
    for (const MatchResult::Member& member : result.members) see(std::as_const(*find(member.id)));
  }

  /// The work of the last match() or for_each_match(): nodes of the tree, and matched
  /// subscriptions.
  [[nodiscard]] std::size_t looked_at() const noexcept { return looked_at_; }

  /// The number of subscriptions.
  [[nodiscard]] std::size_t size() const noexcept { return tree_.size(); }

 private:
  [[nodiscard]] static std::size_t size_of_first_group(
      std::span<const MatchResult::Member> members);
  [[nodiscard]] const MatchResult& match_result(std::string_view subject);

  SubjectTree tree_;
  MatchCache cache_;
  Random random_;
  InterestObserver* observer_;
  MatchResult found_;  // by the last search that missed the cache
  std::size_t looked_at_ = 0;
};

}  // namespace hallway::hub
