// SPDX-License-Identifier: Apache-2.0
#include "link/interest_gossip.hpp"

#include <gtest/gtest.h>

namespace hallway::link {
namespace {

TEST(interest_gossip, is_read_as_it_was_written) {
  const InterestGossip gossip{.hub = "ABC",
                              .kind = InterestGossip::Kind::change,
                              .number = 7,
                              .lines = {"+news.*", "-jobs"}};
  EXPECT_EQ(gossip.text(), "HALLWAY 1 ABC change 7\n+news.*\n-jobs\n");
  const auto read = InterestGossip::parse(gossip.text());
  ASSERT_TRUE(read);
  EXPECT_EQ(read->hub, "ABC");
  EXPECT_EQ(read->kind, InterestGossip::Kind::change);
  EXPECT_EQ(read->number, 7U);
  EXPECT_EQ(read->lines, gossip.lines);
}

TEST(interest_gossip, is_none_of_another_version_or_form) {
  for (const char* text :
       {"", "HALLWAY 2 ABC all 1\n", "HALLWAY 1 ABC sing 1\n", "HALLWAY 1  all 1\n",
        "HALLWAY 1 ABC all\n", "HALLWAY 1 ABC all x\n", "HALLWAY 1 ABC all 1 2\n", "hello"}) {
    EXPECT_FALSE(InterestGossip::parse(text)) << text;
  }
}

TEST(interest_gossip, is_none_of_a_hub_with_a_name_that_fills_memory) {
  EXPECT_TRUE(InterestGossip::parse("HALLWAY 1 " + std::string(128, 'N') + " all 1\n"));
  EXPECT_FALSE(InterestGossip::parse("HALLWAY 1 " + std::string(129, 'N') + " all 1\n"));
}

TEST(interest_gossip, leaves_out_lines_that_are_not_patterns) {
  const auto read = InterestGossip::parse("HALLWAY 1 ABC all 0\n+a..b\nnews\n+\n+ok\n\n-x y");
  ASSERT_TRUE(read);
  EXPECT_EQ(read->lines, std::vector<std::string>{"+ok"});
}

}  // namespace
}  // namespace hallway::link
