// SPDX-License-Identifier: Apache-2.0
//
// A router beside a plain list of subscriptions that is searched with matches(): whatever is done
// is done to both, and they have to agree. Used with operations from a random generator and from a
// fuzzer.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "subject/router.hpp"
#include "subject/subject.hpp"

namespace hallway::test {

class RouterModel {
 public:
  static constexpr std::size_t owners = 4;

  RouterModel()
      : router_({1, 2}, [this] { return random_ = random_ * 1664525 + 1013904223; }, &recorder_) {}
  RouterModel(const RouterModel&) = delete;
  RouterModel& operator=(const RouterModel&) = delete;
  ~RouterModel() { unsubscribe_all(); }

  /// How the two disagree; empty: they do not.
  [[nodiscard]] const std::string& difference() const noexcept { return difference_; }
  [[nodiscard]] std::size_t size() const noexcept { return lines_.size(); }

  /// @param most  messages until it ends; 0: it does not
  void subscribe(std::size_t owner, std::string_view subject, std::string_view group,
                 std::uint64_t most) {
    if (!is_subject_pattern(subject)) return;
    lines_.push_back(std::make_unique<Line>(&owner_[owner], subject, group, most));
    hub::RoutedSubscription& made = lines_.back()->subscription;
    if (most > 0) check(!made.end_after(most), "ended before its first message");
    router_.add(made);
    const Interest interest(subject, group);
    ++interests_[interest];
    check_interest(interest);
  }

  /// The one that came as number `at` of those that are left.
  void unsubscribe(std::size_t at) {
    hub::RoutedSubscription& gone = lines_[at]->subscription;
    const Interest interest(gone.subject(), gone.group());
    router_.remove(gone);
    lines_.erase(lines_.begin() + static_cast<std::ptrdiff_t>(at));
    if (--interests_[interest] == 0) interests_.erase(interest);
    check_interest(interest);
  }

  void unsubscribe_all() {
    while (!lines_.empty()) unsubscribe(lines_.size() - 1);
    check(recorder_.interests.empty(), "interest is left");
  }

  static constexpr std::size_t nobody = SIZE_MAX;

  /// A message to `subject`. `except` wants no echo, `declining` accepts nothing, and `leaving`
  /// loses its subscriptions as soon as somebody got the message.
  void publish(std::string_view subject, std::size_t except = nobody,
               std::size_t declining = nobody, std::size_t leaving = nobody) {
    const void* no_echo = except == nobody ? nullptr : &owner_[except];
    const void* declines = declining == nobody ? nullptr : &owner_[declining];
    router_.match(subject, matched_, no_echo,
                  [declines](const hub::RoutedSubscription& subscription) {
                    return subscription.owner() != declines;
                  });
    check_matched(subject, no_echo, declines);
    bool left = false;
    for (const hub::SubscriptionId id : matched_) {
      hub::RoutedSubscription* to = router_.find(id);
      check(!left || to == nullptr || to->owner() != &owner_[leaving], "found after it left");
      if (to == nullptr) continue;
      deliver(*to);
      if (leaving == nobody) continue;
      leave(leaving);
      left = true;
    }
  }

 private:
  struct Line {
    Line(const void* owner, std::string_view subject, std::string_view group, std::uint64_t most)
        : subscription(owner, std::string(subject), std::string(group)), left(most) {}
    hub::RoutedSubscription subscription;
    std::uint64_t left;  // messages; 0: any number
  };

  using Interest = std::pair<std::string, std::string>;  // a subject and a group

  struct InterestRecorder final : hub::InterestObserver {
    void interest_began(std::string_view subject, std::string_view group) noexcept override {
      if (!interests.emplace(subject, group).second) twice = true;
    }
    void interest_ended(std::string_view subject, std::string_view group) noexcept override {
      if (interests.erase({std::string(subject), std::string(group)}) == 0) twice = true;
    }
    std::set<Interest> interests;
    bool twice = false;
  };

  void check(bool holds, std::string_view what) {
    if (!holds && difference_.empty()) difference_ = what;
  }

  /// The observer was notified of what changed, and of nothing else.
  void check_interest(const Interest& changed) {
    check(recorder_.interests.contains(changed) == interests_.contains(changed), "other interest");
    check(recorder_.interests.size() == interests_.size() && !recorder_.twice, "other interests");
    check(router_.size() == lines_.size(), "other number of subscriptions");
  }

  void check_matched(std::string_view subject, const void* no_echo, const void* declines) {
    std::multiset<const hub::RoutedSubscription*> expected;
    std::map<std::string, std::set<const hub::RoutedSubscription*>> groups;
    for (const auto& line : lines_) {
      const hub::RoutedSubscription& one = line->subscription;
      const bool wants = (no_echo == nullptr || one.owner() != no_echo) && one.owner() != declines;
      if (!wants || !hub::matches(one.subject(), subject)) continue;
      if (one.group().empty()) {
        expected.insert(&one);
      } else {
        groups[one.group()].insert(&one);
      }
    }
    std::multiset<const hub::RoutedSubscription*> got;
    for (const hub::SubscriptionId id : matched_) {
      const hub::RoutedSubscription* one = router_.find(id);
      if (one->group().empty()) {
        got.insert(one);
        continue;
      }
      const auto group = groups.find(one->group());
      check(group != groups.end() && group->second.contains(one), "not for this member");
      if (group != groups.end()) groups.erase(group);
    }
    check(got == expected, "not for these");
    check(groups.empty(), "a group got nothing");
  }

  void deliver(hub::RoutedSubscription& to) {
    const auto line =
        std::ranges::find_if(lines_, [&](const auto& one) { return &one->subscription == &to; });
    const bool last = to.count_messages();
    check(last == ((*line)->left == 1), "ended after another number of messages");
    if ((*line)->left > 0) --(*line)->left;
    if (last) unsubscribe(static_cast<std::size_t>(line - lines_.begin()));
  }

  void leave(std::size_t owner) {
    for (std::size_t at = lines_.size(); at-- > 0;) {
      if (lines_[at]->subscription.owner() == &owner_[owner]) unsubscribe(at);
    }
  }

  InterestRecorder recorder_;
  std::uint32_t random_ = 1;
  hub::Router router_;
  char owner_[owners] = {};
  std::vector<std::unique_ptr<Line>> lines_;
  std::map<Interest, std::size_t> interests_;  // and how many subscriptions have it
  std::vector<hub::SubscriptionId> matched_;
  std::string difference_;
};

}  // namespace hallway::test
