// SPDX-License-Identifier: Apache-2.0
#include "hub/server/retained_values.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "subject/subject.hpp"

namespace hallway::hub {
namespace {

using namespace std::chrono_literals;

// Users whose values are bounded, whoever runs the tests.
constexpr std::uint32_t alice = 4'000'000'001;
constexpr std::uint32_t bob = 4'000'000'002;
constexpr std::uint32_t carol = 4'000'000'003;

class RetainedValuesTest : public testing::Test {
 protected:
  static RetainRule rule(std::vector<std::string> subjects, RetainLimits limits = {}) {
    return {.subjects = std::move(subjects), .limits = limits};
  }

  bool put(std::string_view subject, std::string_view payload, std::uint32_t uid = alice) {
    now_ += 1s;
    return values_.put({.subject = subject, .header = {}, .payload = payload, .uid = uid}, now_);
  }

  /// Payloads of what a pattern matches, from the oldest to the latest.
  std::vector<std::string> found(const std::string& pattern) {
    RetainedValues::Search search(values_, pattern);
    return rest_of(search);
  }
  std::vector<std::string> rest_of(RetainedValues::Search& search) {
    std::vector<RetainedValues::Ref> refs;
    while (search.advance(values_, 2, refs)) {
    }
    std::ranges::sort(refs);
    std::vector<std::string> payloads;
    for (const RetainedValues::Ref ref : refs) {
      const RetainedValue* const value = values_.find(ref);
      payloads.emplace_back(value == nullptr ? "gone" : value->payload());
    }
    return payloads;
  }

  std::map<std::uint32_t, RetainedValues::Usage> users() {
    std::map<std::uint32_t, RetainedValues::Usage> all;
    values_.for_each_user([&](std::uint32_t uid, const RetainedValues::Usage& usage) {
      all[uid].values += usage.values;
      all[uid].memory += usage.memory;
      all[uid].evicted += usage.evicted;
    });
    return all;
  }

  RetainedValues values_;
  RetainedValues::Time now_{1h};
};

using Payloads = std::vector<std::string>;

TEST_F(RetainedValuesTest, a_subject_has_the_last_value_that_was_published) {
  values_.set_rules({rule({"state.>"})});
  EXPECT_TRUE(put("state.a", "1"));
  EXPECT_TRUE(put("state.b", "2"));
  EXPECT_TRUE(put("state.a", "3"));
  EXPECT_FALSE(put("other.a", "4"));
  EXPECT_EQ(found(">"), (Payloads{"2", "3"}));
  EXPECT_EQ(found("state.a"), Payloads{"3"});
  EXPECT_EQ(found("state"), Payloads());
  EXPECT_EQ(values_.usage().values, 2U);
  EXPECT_EQ(values_.usage().evicted, 0U);
}

TEST_F(RetainedValuesTest, a_value_keeps_what_was_published) {
  values_.set_rules({rule({">"})});
  now_ += 5s;
  values_.put({.subject = "a",
               .header = "NATS/1.0\r\nA: b\r\n\r\n",
               .payload = "text",
               .uid = bob,
               .publisher = 7},
              now_);
  const RetainedValue& value = *values_.find(values_.all().at(0));
  EXPECT_EQ(value.subject, "a");
  EXPECT_EQ(value.header(), "NATS/1.0\r\nA: b\r\n\r\n");
  EXPECT_EQ(value.payload(), "text");
  EXPECT_EQ(value.uid, bob);
  EXPECT_EQ(value.publisher, 7U);
  EXPECT_EQ(value.published, now_);
  EXPECT_EQ(values_.published("a"), now_);
  EXPECT_EQ(values_.published("b"), std::nullopt);
}

TEST_F(RetainedValuesTest, an_empty_payload_deletes_the_value) {
  values_.set_rules({rule({">"})});
  put("a", "1");
  EXPECT_TRUE(put("a", ""));
  EXPECT_TRUE(put("b", ""));
  EXPECT_EQ(found(">"), Payloads());
  EXPECT_EQ(values_.usage().values, 0U);
  EXPECT_EQ(values_.usage().memory, 0U);
  EXPECT_EQ(values_.usage().evicted, 0U);
  EXPECT_TRUE(users().empty());
}

TEST_F(RetainedValuesTest, messages_for_hubs_and_single_clients_are_not_retained) {
  values_.set_rules({rule({">"})});
  for (const char* subject :
       {"_INBOX.a", "_INBOX.a.b", "$SYS.HUB.STATS", "$SYS.a", "_HALLWAY.REPLY.a"}) {
    EXPECT_FALSE(put(subject, "1")) << subject;
  }
  EXPECT_TRUE(put("_INBOX", "1"));
  EXPECT_FALSE(put("a..b", "1"));  // no subscription matches it
}

TEST_F(RetainedValuesTest, a_search_finds_what_was_published_before_it_began) {
  values_.set_rules({rule({">"})});
  for (const char* subject : {"a", "b", "c", "d"}) put(subject, subject);
  RetainedValues::Search search(values_, ">");
  put("b", "later");
  put("e", "later");
  EXPECT_EQ(rest_of(search), (Payloads{"a", "c", "d"}));

  RetainedValues::Search other(values_, ">");
  std::vector<RetainedValues::Ref> refs;
  while (other.advance(values_, 1, refs)) {
  }
  put("a", "later");
  put("c", "");
  std::ranges::sort(refs);
  ASSERT_EQ(refs.size(), 5U);
  EXPECT_EQ(values_.find(refs[0]), nullptr);
  EXPECT_EQ(values_.find(refs[1]), nullptr);
  EXPECT_EQ(values_.find(refs[2])->payload(), "d");
}

TEST_F(RetainedValuesTest, may_match_excludes_patterns_that_cannot_match) {
  EXPECT_FALSE(values_.active());
  values_.set_rules({rule({"state.>"}), rule({"news.*"})});
  EXPECT_TRUE(values_.active());
  EXPECT_FALSE(values_.may_match(">"));  // there is no value
  put("state.a", "1");
  EXPECT_TRUE(values_.may_match(">"));
  EXPECT_TRUE(values_.may_match("state.a"));
  EXPECT_TRUE(values_.may_match("*.b"));
  EXPECT_FALSE(values_.may_match("_INBOX.a.*"));
  EXPECT_FALSE(values_.may_match("news"));
}

// Bounds -----------------------------------------------------------------------------------------

TEST_F(RetainedValuesTest, the_oldest_values_of_a_user_go_when_it_is_over_its_bound) {
  values_.set_rules({rule({">"}, {.max_values = 100, .max_values_per_uid = 2})});
  put("other", "0", bob);
  put("a", "1");
  put("b", "2");
  put("a", "3");  // b is now the oldest
  put("c", "4");
  EXPECT_EQ(found(">"), (Payloads{"0", "3", "4"}));
  EXPECT_EQ(values_.usage().evicted, 1U);
  EXPECT_EQ(users()[alice].evicted, 1U);
  EXPECT_EQ(users()[bob].evicted, 0U);
}

TEST_F(RetainedValuesTest, bytes_are_bounded_as_values_are) {
  const std::size_t one = 448 + 1 + 1'000;
  values_.set_rules({rule({">"}, {.max_memory_per_uid = 2 * one})});
  const std::string payload(1'000, '.');
  put("a", payload);
  EXPECT_EQ(values_.usage().memory, one);
  put("b", payload);
  EXPECT_EQ(values_.usage().evicted, 0U);
  put("c", "x");
  EXPECT_EQ(found(">"), (Payloads{payload, "x"}));
  EXPECT_EQ(users()[alice].memory, one + 448 + 1 + 1);
  put("b", payload + payload);  // it alone has no room for the other
  EXPECT_EQ(found(">"), Payloads{payload + payload});
  EXPECT_EQ(values_.usage().evicted, 2U);
}

TEST_F(RetainedValuesTest, a_value_larger_than_the_bound_leaves_its_subject_without_one) {
  values_.set_rules({rule({">"}, {.max_memory_per_uid = 1'000})});
  put("a", "1");
  put("b", "2");
  put("a", std::string(1'000, '.'));
  EXPECT_EQ(found(">"), Payloads{"2"});
  EXPECT_EQ(values_.usage().evicted, 1U);
  EXPECT_EQ(users()[alice].evicted, 1U);
}

TEST_F(RetainedValuesTest, root_and_the_own_user_may_use_all_that_is_left) {
  values_.set_rules({rule({">"}, {.max_values = 3, .max_values_per_uid = 1})});
  for (const char* subject : {"a", "b", "c"}) put(subject, subject, ::geteuid());
  EXPECT_EQ(found(">"), (Payloads{"a", "b", "c"}));
  put("d", "d", ::geteuid());
  EXPECT_EQ(found(">"), (Payloads{"b", "c", "d"}));
  put("e", "e", alice);
  EXPECT_EQ(found(">"), (Payloads{"c", "d", "e"}));
  EXPECT_EQ(users()[::geteuid()].evicted, 2U);
}

TEST_F(RetainedValuesTest, a_user_takes_no_place_from_one_that_has_less) {
  values_.set_rules({rule({">"}, {.max_values = 10})});
  put("b1", "b", bob);
  put("b2", "b", bob);
  put("c1", "c", carol);
  for (int i = 0; i < 100; ++i) put("a" + std::to_string(i), "a");
  EXPECT_EQ(users()[alice].values, 7U);
  EXPECT_EQ(users()[alice].evicted, 93U);
  EXPECT_EQ(users()[bob].values, 2U);
  EXPECT_EQ(users()[carol].values, 1U);
  // One that has less gets its place from the one that has most.
  for (int i = 0; i < 100; ++i) put("c" + std::to_string(i), "c", carol);
  EXPECT_EQ(users()[alice].values, 4U);
  EXPECT_EQ(users()[bob].values, 2U);
  EXPECT_EQ(users()[carol].values, 4U);
  EXPECT_EQ(users()[bob].evicted, 0U);
}

TEST_F(RetainedValuesTest, a_value_counts_for_the_user_that_published_it_last) {
  values_.set_rules({rule({">"})});
  put("a", "1", alice);
  put("a", "2", bob);
  EXPECT_FALSE(users().contains(alice));
  EXPECT_EQ(users()[bob].values, 1U);
}

TEST_F(RetainedValuesTest, each_rule_has_its_own_bounds) {
  values_.set_rules({rule({"a.*"}, {.max_values = 1}), rule({"*.*"}, {.max_values = 2})});
  for (const char* subject : {"a.a", "a.b", "b.a", "b.b", "b.c"}) put(subject, subject);
  EXPECT_EQ(found(">"), (Payloads{"a.b", "b.b", "b.c"}));
  EXPECT_EQ(users()[alice].values, 3U);
  EXPECT_EQ(users()[alice].evicted, 2U);
}

TEST_F(RetainedValuesTest, new_rules_keep_what_they_name_and_have_room_for) {
  values_.set_rules({rule({"a.>"}), rule({"b.>"})});
  for (const char* subject : {"a.1", "b.1", "a.2", "b.2", "a.3"}) put(subject, subject);
  values_.set_rules({rule({"a.>"}, {.max_values = 2})});
  EXPECT_EQ(found(">"), (Payloads{"a.2", "a.3"}));
  EXPECT_EQ(values_.usage().values, 2U);
  EXPECT_EQ(values_.usage().evicted, 1U);
  EXPECT_EQ(users()[alice].evicted, 1U);
  EXPECT_EQ(users()[alice].memory, values_.usage().memory);
  put("a.4", "a.4");
  EXPECT_EQ(found(">"), (Payloads{"a.3", "a.4"}));
  values_.set_rules({});
  EXPECT_EQ(found(">"), Payloads());
  EXPECT_EQ(values_.usage().values, 0U);
  EXPECT_EQ(values_.usage().memory, 0U);
  EXPECT_EQ(values_.usage().evicted, 2U);
}

/// Values and bounds beside a plain list in which the same is done slowly.
class Model {
 public:
  explicit Model(RetainLimits limits) : limits_(limits) {}

  void put(const std::string& subject, const std::string& payload, std::uint32_t uid) {
    std::erase_if(list_, [&](const Line& line) { return line.subject == subject; });
    if (payload.empty()) return;
    if (cost(subject, payload) > std::min(limits_.max_memory, limits_.max_memory_per_uid)) return;
    list_.push_back({subject, payload, uid});
    while (over(uid, limits_.max_values_per_uid, limits_.max_memory_per_uid)) drop_oldest_of(uid);
    while (over(all, limits_.max_values, limits_.max_memory)) {
      const bool by_values = values_of(all) > limits_.max_values;
      const auto used = [&](std::uint32_t of) { return by_values ? values_of(of) : memory_of(of); };
      std::uint32_t largest = uid;
      for (const std::uint32_t one : {alice, bob, carol}) {
        if (used(one) > used(largest)) largest = one;
      }
      drop_oldest_of(largest);
    }
  }
  [[nodiscard]] std::vector<std::string> found(std::string_view pattern) const {
    std::vector<std::string> payloads;
    for (const Line& line : list_) {
      if (matches(pattern, line.subject)) payloads.push_back(line.payload);
    }
    return payloads;
  }
  [[nodiscard]] std::size_t values() const { return values_of(all); }
  [[nodiscard]] std::size_t memory() const { return memory_of(all); }

 private:
  static constexpr std::uint32_t all = 0;
  struct Line {
    std::string subject;
    std::string payload;
    std::uint32_t uid;
  };

  static std::size_t cost(const std::string& subject, const std::string& payload) {
    return 448 + subject.size() + payload.size();
  }
  [[nodiscard]] std::size_t values_of(std::uint32_t uid) const {
    return static_cast<std::size_t>(std::ranges::count_if(
        list_, [&](const Line& line) { return uid == all || line.uid == uid; }));
  }
  [[nodiscard]] std::size_t memory_of(std::uint32_t uid) const {
    std::size_t sum = 0;
    for (const Line& line : list_) {
      if (uid == all || line.uid == uid) sum += cost(line.subject, line.payload);
    }
    return sum;
  }
  [[nodiscard]] bool over(std::uint32_t uid, std::size_t values, std::size_t memory) const {
    return values_of(uid) > values || memory_of(uid) > memory;
  }
  void drop_oldest_of(std::uint32_t uid) {
    list_.erase(std::ranges::find_if(list_, [&](const Line& line) { return line.uid == uid; }));
  }

  RetainLimits limits_;
  std::vector<Line> list_;
};

TEST_F(RetainedValuesTest, agrees_with_a_plain_list) {
  std::minstd_rand random(1);
  const auto below = [&](std::size_t count) { return random() % count; };
  const std::vector<std::string> patterns{">", "*.*", "a.*", "*.b", "b.a", "c.>"};
  const std::vector<std::string> tokens{"a", "b", "c", "d"};
  for (int round = 0; round < 50; ++round) {
    const RetainLimits limits{.max_values = 3 + below(8),
                              .max_memory = 2'000 + below(4'000),
                              .max_values_per_uid = 1 + below(8),
                              .max_memory_per_uid = 1'000 + below(4'000)};
    values_.set_rules({});
    values_.set_rules({rule({">"}, limits)});
    Model model(limits);
    for (int operation = 0; operation < 300; ++operation) {
      const std::string subject = tokens[below(4)] + '.' + tokens[below(4)];
      const std::string payload(below(4) == 0 ? 0 : below(1'000),
                                static_cast<char>('a' + below(26)));
      const std::uint32_t uid = alice + static_cast<std::uint32_t>(below(3));
      put(subject, payload, uid);
      model.put(subject, payload, uid);
      ASSERT_EQ(values_.usage().values, model.values());
      ASSERT_EQ(values_.usage().memory, model.memory());
      const std::string& pattern = patterns[below(patterns.size())];
      ASSERT_EQ(found(pattern), model.found(pattern)) << pattern;
    }
  }
}

}  // namespace
}  // namespace hallway::hub
