// SPDX-License-Identifier: Apache-2.0
#include "subject/subject_index.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <map>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "subject/subject.hpp"

namespace hallway::hub {
namespace {

class SubjectIndexTest : public testing::Test {
 protected:
  void insert(const std::string& subject) {
    const auto item = static_cast<Index>(subjects_.size());
    subjects_.push_back(subject);
    EXPECT_EQ(index_.insert(subject, item), subject);
  }

  /// The subjects that a search finds in steps of so many.
  std::vector<std::string> found(const std::string& pattern, std::size_t most = SIZE_MAX) {
    std::vector<std::string> all;
    SubjectIndex::Search search(pattern);
    while (search.advance(index_, most, [&](Index item) { all.push_back(subjects_.at(item)); })) {
    }
    return all;
  }

  /// How many subjects a search compares.
  std::size_t compared(const std::string& pattern) {
    std::size_t steps = 1;
    SubjectIndex::Search search(pattern);
    while (search.advance(index_, 1, [](Index) {})) ++steps;
    return steps;
  }

  std::vector<std::string> subjects_;
  SubjectIndex index_;
};

using Subjects = std::vector<std::string>;

TEST_F(SubjectIndexTest, finds_what_a_pattern_matches_in_order_of_tokens) {
  for (const char* subject : {"a", "a.b", "a.b.c", "a-b.c", "a.d.c", "b.d", "a.b-c"})
    insert(subject);
  EXPECT_EQ(found("a"), (Subjects{"a"}));
  EXPECT_EQ(found("a.*"), (Subjects{"a.b", "a.b-c"}));
  EXPECT_EQ(found("a.>"), (Subjects{"a.b", "a.b.c", "a.b-c", "a.d.c"}));
  EXPECT_EQ(found("*.*.c"), (Subjects{"a.b.c", "a.d.c"}));
  EXPECT_EQ(found("*.d.>"), (Subjects{"a.d.c"}));
  EXPECT_EQ(found("*.c"), (Subjects{"a-b.c"}));
  EXPECT_EQ(found(">"), (Subjects{"a", "a.b", "a.b.c", "a.b-c", "a.d.c", "a-b.c", "b.d"}));
  EXPECT_EQ(found("b"), Subjects());
  EXPECT_EQ(found("c.>"), Subjects());
}

TEST_F(SubjectIndexTest, knows_the_item_of_a_subject_until_it_is_erased) {
  EXPECT_EQ(index_.find("a.b"), no_index);
  insert("a.b");
  insert("a");
  EXPECT_EQ(index_.find("a.b"), 0U);
  EXPECT_EQ(index_.find("a"), 1U);
  EXPECT_EQ(index_.find("a."), no_index);
  index_.erase("a.b");
  EXPECT_EQ(index_.find("a.b"), no_index);
  EXPECT_EQ(index_.size(), 1U);
  EXPECT_EQ(found(">"), (Subjects{"a"}));
}

TEST_F(SubjectIndexTest, a_search_does_not_visit_what_cannot_match) {
  for (int room = 0; room < 100; ++room) {
    for (int thing = 0; thing < 100; ++thing) {
      insert("state.room" + std::to_string(room) + ".thing" + std::to_string(thing));
    }
  }
  EXPECT_LE(compared("state.room7.thing7"), 3U);
  EXPECT_LE(compared("state.room7.*"), 102U);
  EXPECT_LE(compared("other.>"), 2U);
  EXPECT_LE(compared("state.*.thing7"), 400U);  // a look at each room, and past it
  EXPECT_LE(compared("state.*"), 202U);         // past each room
}

TEST_F(SubjectIndexTest, a_search_goes_on_over_changes) {
  for (const char* subject : {"a.b", "a.d", "a.f"}) insert(subject);
  Subjects all;
  const auto visit = [&](Index item) { all.push_back(subjects_.at(item)); };
  SubjectIndex::Search search("a.*");
  EXPECT_TRUE(search.advance(index_, 1, visit));
  EXPECT_EQ(all, (Subjects{"a.b"}));
  index_.erase("a.b");
  index_.erase("a.d");  // the position of the search
  insert("a.a");
  insert("a.e");
  EXPECT_FALSE(search.advance(index_, SIZE_MAX, visit));
  EXPECT_EQ(all, (Subjects{"a.b", "a.e", "a.f"}));
  EXPECT_FALSE(search.advance(index_, SIZE_MAX, visit));
  EXPECT_EQ(all.size(), 3U);
}

/// Subjects and patterns of few tokens, so that they often agree in part. Wildcards may also be
/// tokens of a subject, where they stand for themselves, and bytes on both sides of the dot occur.
class Words {
 public:
  explicit Words(std::uint32_t seed) : random_(seed) {}

  std::size_t below(std::size_t count) { return random_() % count; }
  std::string subject() {
    return made_of({"a", "b", "a-", "a!", "ab", "\x7f", "\xc3\xa4", "*", ">"});
  }
  std::string pattern() {
    std::string pattern = made_of({"a", "b", "a-", "a!", "ab", "\xc3\xa4", "*", "*", "*"});
    if (below(3) == 0) pattern += ".>";
    return pattern;
  }

 private:
  std::string made_of(const std::vector<std::string_view>& tokens) {
    std::string text(tokens[below(tokens.size())]);
    for (std::size_t more = below(5); more > 0; --more) {
      text.append(1, '.').append(tokens[below(tokens.size())]);
    }
    return text;
  }

  std::minstd_rand random_;
};

TEST(subject_index, agrees_with_a_plain_list) {
  for (std::uint32_t seed = 1; seed <= 200; ++seed) {
    Words words(seed);
    SubjectIndex index;
    std::map<std::string, Index> list;
    std::vector<std::string> names;
    for (int operation = 0; operation < 200; ++operation) {
      const std::string subject = words.subject();
      if (const auto there = list.find(subject); there == list.end()) {
        const auto item = static_cast<Index>(names.size());
        names.push_back(subject);
        list.emplace(subject, item);
        index.insert(subject, item);
      } else if (words.below(2) == 0) {
        index.erase(subject);
        list.erase(there);
      }
      const std::string pattern = words.pattern();
      std::vector<Index> expected;
      for (const auto& [name, item] : list) {
        if (matches(pattern, name)) expected.push_back(item);
      }
      std::vector<Index> found;
      SubjectIndex::Search search(pattern);
      const std::size_t most = 1 + words.below(4);
      while (search.advance(index, most, [&](Index item) { found.push_back(item); })) {
      }
      std::ranges::sort(expected);
      std::ranges::sort(found);
      ASSERT_EQ(found, expected) << "seed " << seed << ", pattern " << pattern;
      ASSERT_EQ(index.size(), list.size());
    }
  }
}

}  // namespace
}  // namespace hallway::hub
