// SPDX-License-Identifier: Apache-2.0
//
// Whom a message is for.
//
//     router.match(subject, recipients, echo ? nullptr : &publisher);
//     for (const SubscriptionId id : recipients) {
//       Subscription* to = router.find(id);
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

/// Hears which subjects somebody is interested in; an empty group: those who are in none. Does not
/// call the router back.
class InterestObserver {
 public:
  virtual ~InterestObserver() = default;
  /// Somebody subscribed, and is the only one with this subject and group.
  virtual void interest_began(std::string_view subject, std::string_view group) noexcept = 0;
  virtual void interest_ended(std::string_view subject, std::string_view group) noexcept = 0;
};

/// Does not own subscriptions. Out of memory, a function that is not noexcept throws and has
/// changed nothing. Thread: one.
class Router {
 public:
  using Random = std::move_only_function<std::uint32_t()>;

  /// @param key     random, so that no peer can make tables degenerate
  /// @param random  which member of a group gets a message
  /// @param observer  outlives the router; may be null
  Router(const core::HashKey& key, Random random, InterestObserver* observer = nullptr)
      : tree_(key), cache_(key), random_(std::move(random)), observer_(observer) {}

  /// Precondition: its subject is valid, and it is in no router.
  void add(Subscription& subscription);

  /// Precondition: it is here.
  void remove(Subscription& subscription) noexcept;

  /// nullptr once it was removed.
  [[nodiscard]] Subscription* find(SubscriptionId id) const noexcept { return tree_.find(id); }

  struct Everybody {
    bool operator()(const Subscription&) const noexcept { return true; }
  };

  /// Replaces what is in `matched` by whom a message with this subject is for: each subscription
  /// that is in no group, and one of each group. One of `except`, the publisher that wants no echo,
  /// does not count; neither does one that does not accept it, and of a group the next is asked.
  /// Nobody, where a token is empty. Allocates nothing once what it works with is large enough.
  /// @param accepts  bool(const Subscription&); does not call the router
  template <typename Accepts = Everybody>
  void match(std::string_view subject, std::vector<SubscriptionId>& matched,
             const void* except = nullptr, Accepts accepts = {}) {
    const auto takes_it = [&](SubscriptionId id) {
      // A look at a subscription mostly has to wait for memory: not for nothing.
      if (std::is_same_v<Accepts, Everybody> && except == nullptr) return true;
      const Subscription& subscription = *find(id);
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

  /// How much the last match() had to look at: nodes of the tree, and whom they concern.
  [[nodiscard]] std::size_t looked_at() const noexcept { return looked_at_; }

  /// Subscriptions.
  [[nodiscard]] std::size_t size() const noexcept { return tree_.size(); }

 private:
  [[nodiscard]] static std::size_t size_of_first_group(
      std::span<const MatchResult::Member> members);
  [[nodiscard]] const MatchResult& match_result(std::string_view subject);

  SubjectTree tree_;
  MatchCache cache_;
  Random random_;
  InterestObserver* observer_;
  MatchResult found_;  // by the last search
  std::size_t looked_at_ = 0;
};

}  // namespace hallway::hub
