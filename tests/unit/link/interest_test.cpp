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
  EXPECT_TRUE(interest.overlaps("*"));
  EXPECT_TRUE(interest.overlaps("*.c"));
  EXPECT_FALSE(interest.overlaps("c.>"));
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

}  // namespace
}  // namespace hallway::link
