// SPDX-License-Identifier: Apache-2.0
#include "subject/router.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <deque>
#include <map>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "subject/match_cache.hpp"
#include "subject/subject.hpp"
#include "subject/subject_tree.hpp"
#include "support/router_model.hpp"

namespace hallway::hub {
namespace {

using test::RouterModel;

constexpr core::HashKey key{0x0123456789abcdef, 0xfedcba9876543210};

/// A router with subscriptions that are told by a name.
class RouterTest : public testing::Test {
 protected:
  void TearDown() override {
    for (RoutedSubscription& one : subscriptions_) {
      if (one.routed()) router_.remove(one);
    }
  }

  RoutedSubscription& subscribe(const std::string& subject, const std::string& group = {},
                                const void* owner = "somebody") {
    subscriptions_.emplace_back(owner, subject, group);
    router_.add(subscriptions_.back());
    return subscriptions_.back();
  }

  template <typename... More>
  std::vector<SubscriptionId> match(std::string_view subject, More... more) {
    std::vector<SubscriptionId> matched;
    router_.match(subject, matched, more...);
    return matched;
  }

  /// How many times each is chosen for one of `messages`.
  std::map<const RoutedSubscription*, int> chosen_of(std::string_view subject, int messages) {
    std::map<const RoutedSubscription*, int> times;
    for (int i = 0; i < messages; ++i) {
      for (const SubscriptionId id : match(subject)) ++times[router_.find(id)];
    }
    return times;
  }

  std::uint32_t next_ = 0;
  Router router_{key, [this] { return next_++; }};
  std::deque<RoutedSubscription> subscriptions_;
};

using router = RouterTest;

TEST_F(router, gives_a_message_to_each_subscription_that_matches) {
  const RoutedSubscription& literal = subscribe("a.b");
  const RoutedSubscription& one = subscribe("a.*");
  const RoutedSubscription& more = subscribe(">");
  subscribe("a");
  subscribe("a.b.c");
  subscribe("*.c");
  EXPECT_EQ(chosen_of("a.b", 1),
            (std::map<const RoutedSubscription*, int>{{&literal, 1}, {&one, 1}, {&more, 1}}));
}

TEST_F(router, shows_all_that_match_with_every_member_of_a_group) {
  std::vector<const RoutedSubscription*> expected{&subscribe("a.b"), &subscribe("a.*", "g"),
                                                  &subscribe("a.*", "g"), &subscribe(">", "h")};
  subscribe("a");
  for (int i = 0; i < 2; ++i) {  // the second answer is a cached one
    std::vector<const RoutedSubscription*> seen;
    router_.for_each_match(
        "a.b", [&](const RoutedSubscription& subscription) { seen.push_back(&subscription); });
    std::ranges::sort(seen);
    std::ranges::sort(expected);
    EXPECT_EQ(seen, expected);
  }
}

TEST_F(router, gives_it_twice_to_a_client_that_subscribed_twice) {
  subscribe("a");
  subscribe("a");
  EXPECT_EQ(match("a").size(), 2U);
}

TEST_F(router, chooses_one_of_each_group_at_random) {
  const RoutedSubscription& one = subscribe("a", "workers");
  const RoutedSubscription& two = subscribe("a", "workers");
  const RoutedSubscription& three = subscribe("a", "loggers");
  EXPECT_EQ(chosen_of("a", 100),
            (std::map<const RoutedSubscription*, int>{{&one, 50}, {&two, 50}, {&three, 100}}));
}

TEST_F(router, counts_members_with_other_subjects_to_the_same_group) {
  subscribe("a.b", "workers");
  subscribe("a.*", "workers");
  subscribe(">", "workers");
  EXPECT_EQ(match("a.b").size(), 1U);
  EXPECT_EQ(chosen_of("a.b", 99).size(), 3U);
}

TEST_F(router, does_not_mistake_a_group_for_a_token_of_the_same_name) {
  subscribe("a", "b");
  subscribe("a.b");
  EXPECT_EQ(match("a").size(), 1U);
  EXPECT_EQ(match("a.b").size(), 1U);
}

TEST_F(router, returns_nothing_to_a_publisher_without_echo) {
  const int publisher = 0;
  const RoutedSubscription& other = subscribe("a");
  subscribe("a", "", &publisher);
  subscribe("a", "workers", &publisher);
  const RoutedSubscription& colleague = subscribe("a", "workers");
  for (int i = 0; i < 4; ++i) {
    const auto matched = match("a", &publisher);
    EXPECT_EQ(matched, (std::vector{other.id(), colleague.id()}));
  }
  EXPECT_EQ(match("a").size(), 3U);
}

TEST_F(router, asks_the_next_member_when_one_does_not_accept) {
  const RoutedSubscription& full = subscribe("a", "workers");
  const RoutedSubscription& free = subscribe("a", "workers");
  const auto not_full = [&](const RoutedSubscription& one) { return &one != &full; };
  for (int i = 0; i < 4; ++i) {
    EXPECT_EQ(match("a", nullptr, not_full), std::vector{free.id()});
  }
  EXPECT_TRUE(match("a", nullptr, [](const RoutedSubscription&) { return false; }).empty());
}

TEST_F(router, forgets_a_client_that_left_even_during_a_match) {
  RoutedSubscription& one = subscribe("a");
  const auto matched = match("a");
  ASSERT_EQ(matched.size(), 1U);
  router_.remove(one);
  EXPECT_EQ(router_.find(matched.front()), nullptr);
  subscribe("a");  // takes the place that is free now
  EXPECT_EQ(router_.find(matched.front()), nullptr);
}

TEST_F(router, matches_a_subject_with_an_empty_token_with_no_subscription) {
  subscribe(">");
  for (const char* broken : {"", ".", "a.", ".a", "a..b"}) EXPECT_TRUE(match(broken).empty());
}

TEST_F(router, applies_changes_at_once_however_often_a_subject_was_matched) {
  const auto ask_often = [&](std::string_view subject) {
    for (int i = 0; i < 3; ++i) match(subject);
    return match(subject).size();
  };
  EXPECT_EQ(ask_often("a.b"), 0U);
  RoutedSubscription& literal = subscribe("a.b");
  EXPECT_EQ(ask_often("a.b"), 1U);
  RoutedSubscription& wildcard = subscribe("*.b");
  EXPECT_EQ(ask_often("a.b"), 2U);
  RoutedSubscription& everything = subscribe(">");
  EXPECT_EQ(ask_often("a.b"), 3U);
  router_.remove(wildcard);
  EXPECT_EQ(ask_often("a.b"), 2U);
  router_.remove(literal);
  EXPECT_EQ(ask_often("a.b"), 1U);
  router_.remove(everything);
  EXPECT_EQ(ask_often("a.b"), 0U);
}

// Whoever is not chosen, or wants no echo, is work nevertheless.
TEST_F(router, counts_subscriptions_it_visited_in_vain) {
  const int publisher = 0;
  for (int i = 0; i < 1'000; ++i) subscribe("a", "workers");
  for (int i = 0; i < 100; ++i) subscribe("b", "", &publisher);
  EXPECT_EQ(match("a").size(), 1U);
  EXPECT_GE(router_.looked_at(), 1'000U);
  for (int i = 0; i < 3; ++i) {  // at last it is known
    EXPECT_TRUE(match("b", &publisher).empty());
    EXPECT_GE(router_.looked_at(), 100U);
  }
}

TEST_F(router, is_as_deep_as_a_subject_without_recursion) {
  std::string deep = "a";
  for (int i = 0; i < 200'000; ++i) deep += ".a";
  subscribe(deep);
  subscribe("*" + deep.substr(1));
  EXPECT_EQ(match(deep).size(), 2U);
  EXPECT_TRUE(match(deep + ".a").empty());
}

TEST(subscription, ends_with_the_message_that_is_its_last) {
  RoutedSubscription one("owner", "a");
  EXPECT_FALSE(one.count_messages());
  EXPECT_FALSE(one.end_after(3));
  EXPECT_FALSE(one.count_messages());
  EXPECT_TRUE(one.count_messages());
}

TEST(subscription, ends_at_once_when_it_had_its_messages_already) {
  RoutedSubscription one("owner", "a");
  EXPECT_FALSE(one.count_messages());
  EXPECT_FALSE(one.count_messages());
  EXPECT_TRUE(one.end_after(2));
  EXPECT_TRUE(one.end_after(0));
}

TEST(subject_tree, keeps_no_node_that_leads_to_no_subscription) {
  SubjectTree tree(key);
  const std::size_t bare = tree.nodes();
  RoutedSubscription one("owner", "a.*.b.>");
  RoutedSubscription two("owner", "a.*", "group");
  RoutedSubscription three("owner", "a.*.b.>");
  EXPECT_TRUE(tree.add(one));
  EXPECT_EQ(tree.nodes(), bare + 1);
  EXPECT_TRUE(tree.add(two));
  EXPECT_FALSE(tree.add(three));
  EXPECT_EQ(tree.nodes(), bare + 3);  // the way that parts at a.*
  EXPECT_FALSE(tree.remove(one));
  EXPECT_EQ(tree.nodes(), bare + 3);
  EXPECT_TRUE(tree.remove(three));
  EXPECT_EQ(tree.nodes(), bare + 2);
  EXPECT_TRUE(tree.remove(two));
  EXPECT_EQ(tree.nodes(), bare);
  EXPECT_EQ(tree.size(), 0U);
}

TEST(subject_tree, parts_ways_wherever_another_branches_off) {
  const std::vector<std::string> subjects = {"a.b.c.d", "a.b.c.e", "a.b", "a.*.c.d",
                                             "a.b.>",   "a.b.*.d", "*",   ">"};
  const std::vector<std::string> published = {"a",       "a.b",     "a.b.c",  "a.b.c.d",
                                              "a.b.c.e", "a.x.c.d", "a.b.x.d"};
  std::vector<std::size_t> order;
  for (std::size_t i = 0; i < subjects.size(); ++i) order.push_back(i);
  std::mt19937 random(1);
  for (int round = 0; round < 200; ++round) {
    SubjectTree tree(key);
    std::deque<RoutedSubscription> there;
    std::ranges::shuffle(order, random);
    for (const std::size_t i : order) tree.add(there.emplace_back("owner", subjects[i]));
    std::ranges::shuffle(order, random);
    for (const std::size_t gone : order) {
      for (const std::string& subject : published) {
        MatchResult concerned;
        tree.collect(subject, concerned);
        std::size_t expected = 0;
        for (const RoutedSubscription& one : there) {
          if (one.routed() && matches(one.subject(), subject)) ++expected;
        }
        EXPECT_EQ(concerned.all.size(), expected) << subject;
      }
      tree.remove(there[gone]);
    }
    EXPECT_EQ(tree.nodes(), 1U);
  }
}

// A subject of a thousand tokens that all but matches is work, however few nodes it leads to.
TEST(subject_tree, counts_the_tokens_that_it_compares) {
  SubjectTree tree(key);
  std::string subject = "a";
  for (int i = 0; i < 1'000; ++i) subject += ".a";
  RoutedSubscription one("owner", "*." + subject.substr(4) + ".b");
  tree.add(one);
  MatchResult concerned;
  EXPECT_GE(tree.collect(subject, concerned), 1'000U);
  EXPECT_EQ(concerned.size(), 0U);
  tree.remove(one);
}

TEST(subject_tree, counts_the_bytes_that_it_compares) {
  SubjectTree tree(key);
  const std::string token(3'000, 'x');
  RoutedSubscription one("owner", "*." + token + "y");
  tree.add(one);
  MatchResult concerned;
  EXPECT_GE(tree.collect("a." + token + "z", concerned), 3'000U / 64);
  tree.remove(one);
}

class MatchCacheTest : public testing::Test {
 protected:
  bool known(std::string_view subject) {
    return cache_.find(subject, cache_.hash(subject)) != nullptr;
  }
  void learn(std::string_view subject, std::size_t concerned = 1) {
    MatchResult who;
    who.all.resize(concerned);
    cache_.learn(subject, cache_.hash(subject), who);
  }
  MatchCache cache_{key};
};

using match_cache = MatchCacheTest;

TEST_F(match_cache, forgets_what_a_change_of_interest_may_concern_and_no_more) {
  learn("a.b");
  learn("b.b");
  cache_.interest_changed("a.>");
  EXPECT_FALSE(known("a.b"));
  EXPECT_TRUE(known("b.b"));
  cache_.interest_changed("*.c");
  EXPECT_FALSE(known("b.b"));
}

TEST_F(match_cache, keeps_frequent_subjects_when_others_are_matched_once) {
  learn("often");
  for (int i = 0; i < 100'000; ++i) learn("once." + std::to_string(i));
  EXPECT_TRUE(known("often"));
}

TEST_F(match_cache, admits_a_subject_that_is_matched_twice) {
  learn("old");
  std::string other;
  for (int i = 0; other.empty(); ++i) {
    const std::string tried = std::to_string(i);
    if (cache_.hash(tried) % MatchCache::seats == cache_.hash("old") % MatchCache::seats) {
      other = tried;
    }
  }
  learn(other);
  EXPECT_FALSE(known(other));
  learn(other);
  EXPECT_TRUE(known(other));
  EXPECT_FALSE(known("old"));
}

TEST_F(match_cache, keeps_neither_long_subjects_nor_long_answers) {
  const std::string long_subject(MatchCache::longest_subject + 1, 'a');
  learn(long_subject);
  learn("a", MatchCache::most_concerned + 1);
  EXPECT_FALSE(known(long_subject));
  EXPECT_FALSE(known("a"));
  learn(long_subject.substr(1), MatchCache::most_concerned);
  EXPECT_TRUE(known(long_subject.substr(1)));
}

/// A subject of few tokens, so that many of them meet.
std::string some_subject(std::mt19937& random, std::string_view tokens) {
  std::string subject;
  for (std::uint32_t left = 1 + random() % 4; left > 0; --left) {
    if (!subject.empty()) subject += '.';
    subject += tokens[random() % tokens.size()];
  }
  return subject;
}

/// One step that is up to chance: somebody comes or goes, or, mostly, publishes.
void take_step(RouterModel& model, std::mt19937& random, std::size_t most) {
  constexpr std::string_view groups[] = {"", "", "", "a", "b"};
  const auto anybody = [&]() -> std::size_t {
    const std::size_t owner = random() % (4 * RouterModel::owners);
    return owner < RouterModel::owners ? owner : RouterModel::nobody;
  };
  const auto kind = random() % 4;
  if (kind == 0 && model.size() < most) {
    const std::string subject = some_subject(random, "aabbc*>");
    const std::uint64_t messages = random() % 3 == 0 ? 1 + random() % 5 : 0;
    model.subscribe(random() % RouterModel::owners, subject, groups[random() % 5], messages);
  } else if (kind == 1 && model.size() > most / 2) {
    model.unsubscribe(random() % model.size());
  } else {
    const std::string subject = some_subject(random, "aabbcc*>");
    const std::size_t leaving = random() % 50 == 0 ? anybody() : RouterModel::nobody;
    model.publish(subject, anybody(), anybody(), leaving);
  }
}

TEST(router_model, agrees_with_a_list_whatever_comes_goes_and_is_published) {
  for (std::uint32_t seed = 0; seed < 8; ++seed) {
    std::mt19937 random(seed);
    RouterModel model;
    for (int step = 0; step < 5'000; ++step) {
      take_step(model, random, std::size_t{20} << seed);
      ASSERT_EQ(model.difference(), "") << "seed " << seed << ", step " << step;
    }
    model.unsubscribe_all();
    ASSERT_EQ(model.difference(), "") << "seed " << seed;
  }
}

}  // namespace
}  // namespace hallway::hub
