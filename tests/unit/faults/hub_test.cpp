// SPDX-License-Identifier: Apache-2.0
//
// The hub's routing and delivery without memory, and how little of it they need.
#include <gtest/gtest.h>

#include <deque>
#include <new>
#include <string>
#include <vector>

#include "hub/server/delivery_queue.hpp"
#include "subject/router.hpp"
#include "unit/faults/allocations.hpp"

namespace hallway::hub {
namespace {

using test::FailingAllocation;

constexpr core::HashKey key{1, 2};

TEST(steady_path, matching_allocates_nothing) {
  Router router(key, [] { return 0U; });
  std::deque<Subscription> subscriptions;
  std::vector<std::string> subjects;
  for (int i = 0; i < 5'000; ++i) {  // more than the cache holds
    subjects.push_back("some.subject.with.a.long.name." + std::to_string(i));
    const std::string group = i % 2 == 0 ? "workers" : "";
    subscriptions.emplace_back("owner", subjects.back(), group);
    router.add(subscriptions.back());
  }
  subscriptions.emplace_back("owner", "some.*.>");
  router.add(subscriptions.back());

  std::vector<SubscriptionId> matched;
  const auto match_all = [&] {
    for (const std::string& subject : subjects) router.match(subject, matched);
  };
  for (int warm_up = 0; warm_up < 5; ++warm_up) match_all();
  unsigned made = 0;
  {
    const FailingAllocation counting(0);
    match_all();
    made = FailingAllocation::made();
  }
  EXPECT_EQ(made, 0U);
  for (Subscription& one : subscriptions) router.remove(one);
}

struct Attempt {
  bool reached = false;  // the allocation that fails
  bool threw = false;
};

template <typename Action>
Attempt attempt(unsigned failing, Action action) {
  const FailingAllocation allocations(failing);
  Attempt made;
  try {
    action();
  } catch (const std::bad_alloc&) {
    made.threw = true;
  }
  made.reached = FailingAllocation::made() >= failing;
  return made;
}

TEST(out_of_memory_hub, a_subscription_that_fails_leaves_nothing_behind) {
  Attempt made{.reached = true};
  unsigned nth = 0;
  while (made.reached) {
    SubjectTree tree(key);
    Subscription there("owner", "some.rather.long.subject", "and a group with a long name");
    Subscription one("owner", "some.rather.*.token-that-is-too-long-to-be-inline.a.b.c.d.e.f.>",
                     "another group with a name that is long");
    tree.add(there);
    const std::size_t nodes = tree.nodes();
    made = attempt(++nth, [&] { tree.add(one); });
    EXPECT_EQ(made.threw, made.reached);
    EXPECT_EQ(one.routed(), !made.threw);
    EXPECT_EQ(tree.size(), made.threw ? 1U : 2U);
    if (one.routed()) tree.remove(one);
    EXPECT_LE(tree.nodes(), nodes + 2);  // where the ways part: behind `some`, and behind `rather`
    MatchResult concerned;
    tree.collect(there.subject(), concerned);
    EXPECT_EQ(concerned.members.size(), 1U);
    tree.remove(there);
    EXPECT_EQ(tree.nodes(), 1U);
  }
  EXPECT_GT(nth, 10U);
}

TEST(out_of_memory_hub, matching_that_fails_can_be_tried_again) {
  Attempt made{.reached = true};
  unsigned nth = 0;
  while (made.reached) {
    Router router(key, [] { return 0U; });
    Subscription one("owner", "a.*");
    Subscription two("owner", ">", "group");
    router.add(one);
    router.add(two);
    std::vector<SubscriptionId> matched;
    made = attempt(++nth, [&] { router.match("a.b", matched); });
    EXPECT_TRUE(made.threw || matched.size() == 2U);
    router.match("a.b", matched);
    EXPECT_EQ(matched.size(), 2U);
    router.remove(one);
    router.match("a.b", matched);
    EXPECT_EQ(matched.size(), 1U);
    router.remove(two);
  }
  EXPECT_GT(nth, 5U);
}

TEST(out_of_memory_hub, a_message_that_cannot_be_queued_is_not_half_there) {
  Attempt made{.reached = true};
  unsigned nth = 0;
  while (made.reached) {
    core::Accounts accounts{core::Accounts::Limits{}};
    core::Account& account = *accounts.admit(1000, false);
    DeliveryQueue<int> queue(DeliveryPolicy::latest_only, 1'000'000, account);
    queue.offer("a subject that is too long to be inline", 1, 10);
    const std::size_t paid = account.used(core::Quota::memory);
    made = attempt(++nth, [&] { queue.offer("another that is too long to be inline", 2, 10); });
    EXPECT_EQ(made.threw, made.reached);
    EXPECT_EQ(account.used(core::Quota::memory) == paid, made.threw);
    EXPECT_EQ(queue.take().message, 1);
    EXPECT_EQ(queue.idle(), made.threw);
  }
  EXPECT_GT(nth, 2U);
}

}  // namespace
}  // namespace hallway::hub
