// SPDX-License-Identifier: Apache-2.0
//
// The hub's routing and delivery without memory, and how little of it they need.
#include <gtest/gtest.h>

#include <deque>
#include <new>
#include <string>
#include <vector>

#include <hallway/hub.hpp>

#include "hub/server/delivery_queue.hpp"
#include "subject/router.hpp"
#include "support/raw_socket.hpp"
#include "support/temp_directory.hpp"
#include "support/waiting.hpp"
#include "unit/faults/allocations.hpp"

namespace hallway::hub {
namespace {

using test::FailingAllocation;

constexpr core::HashKey key{1, 2};

TEST(steady_path, matching_allocates_nothing) {
  Router router(key, [] { return 0U; });
  std::deque<RoutedSubscription> subscriptions;
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
  for (RoutedSubscription& one : subscriptions) router.remove(one);
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
    RoutedSubscription there("owner", "some.rather.long.subject", "and a group with a long name");
    RoutedSubscription one("owner",
                           "some.rather.*.token-that-is-too-long-to-be-inline.a.b.c.d.e.f.>",
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
    RoutedSubscription one("owner", "a.*");
    RoutedSubscription two("owner", ">", "group");
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
    const core::Slot slot = *accounts.admit(1000, false);
    core::Account& account = slot.account();
    DeliveryQueue<int> queue(OverflowPolicy::latest_only, 1'000'000, account);
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

// A change of interest that cannot be noted ends the connections of those that follow it, and one
// of them may be the client that made the change.
TEST(out_of_memory_hub, a_change_that_cannot_be_noted_ends_the_client_that_made_it) {
  const std::string subject = "a.subject.that.is.too.long.to.be.inline";
  const std::vector<std::string> changes = {"UNSUB 2\r\n",
                                            "UNSUB 2 1\r\nPUB " + subject + " 1\r\nx\r\n",
                                            "SUB another." + subject + " 3\r\n"};
  for (const std::string& change : changes) {
    Attempt made{.reached = true};
    for (unsigned nth = 1; made.reached; ++nth) {
      const test::TempDirectory directory;
      Loop loop;
      auto hub = Hub::start(loop, directory / "hub");
      ASSERT_TRUE(hub);
      test::RawStream other(test::raw_connected(SOCK_STREAM, directory / "hub"));
      test::RawStream client(test::raw_connected(SOCK_STREAM, directory / "hub"));
      client.send("CONNECT {\"verbose\":false}\r\nSUB $SYS.HUB.INTEREST 1\r\nSUB " + subject +
                  " 2\r\nPING\r\n");
      ASSERT_TRUE(test::run_until(loop, [&] {
        client.collect();
        return client.received.contains("PONG\r\n");
      }));
      client.send(change);
      made = attempt(nth, [&] {
        for (int i = 0; i < 5; ++i) loop.turn();
      });
      other.send("PING\r\n");  // the hub goes on
      EXPECT_TRUE(test::run_until(loop, [&] {
        other.collect();
        return other.received.contains("PONG\r\n");
      }));
    }
  }
}

}  // namespace
}  // namespace hallway::hub
