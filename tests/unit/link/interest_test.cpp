// SPDX-License-Identifier: Apache-2.0
#include "link/interest.hpp"

#include <gtest/gtest.h>

namespace hallway::link {
namespace {

TEST(interest, wants_what_any_pattern_matches) {
  Interest interest;
  EXPECT_FALSE(interest.wants("a"));
  EXPECT_TRUE(interest.add("a"));
  EXPECT_TRUE(interest.add("b.*"));
  EXPECT_TRUE(interest.wants("a"));
  EXPECT_TRUE(interest.wants("b.c"));
  EXPECT_FALSE(interest.wants("b.c.d"));
}

TEST(interest, lasts_until_the_last_has_gone) {
  Interest interest;
  EXPECT_TRUE(interest.add("b.*"));
  EXPECT_FALSE(interest.add("b.*"));
  EXPECT_FALSE(interest.remove("b.*"));
  EXPECT_TRUE(interest.wants("b.c"));
  EXPECT_TRUE(interest.remove("b.*"));
  EXPECT_FALSE(interest.wants("b.c"));
  EXPECT_FALSE(interest.remove("b.*"));
  EXPECT_EQ(interest.size(), 0U);
}

TEST(interest_changes, are_taken_once) {
  InterestChanges changes;
  changes.note("a", true);
  changes.note("b", false);
  EXPECT_EQ(changes.take(), (InterestChanges::Wanted{{"a", true}, {"b", false}}));
  EXPECT_EQ(changes.take(), InterestChanges::Wanted());
}

TEST(interest_changes, are_none_where_something_came_and_went) {
  InterestChanges changes;
  for (int i = 0; i < 3; ++i) {
    changes.note("came", true);
    changes.note("came", false);
    changes.note("went", false);
    changes.note("went", true);
  }
  EXPECT_EQ(changes.take(), InterestChanges::Wanted());
  changes.note("came", true);
  changes.note("came", false);
  changes.note("came", true);
  EXPECT_EQ(changes.take(), (InterestChanges::Wanted{{"came", true}}));
}

}  // namespace
}  // namespace hallway::link
