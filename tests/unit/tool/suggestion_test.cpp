// SPDX-License-Identifier: Apache-2.0
#include "tool/cli/suggestion.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace hallway::tool {

namespace {

const std::vector<std::string> verbs{"serve", "connect", "send", "wait", "hub"};

TEST(Suggestion, corrects_a_missing_an_extra_and_a_wrong_letter) {
  EXPECT_EQ(suggestion("serv", verbs), "; did you mean serve?");
  EXPECT_EQ(suggestion("sennd", verbs), "; did you mean send?");
  EXPECT_EQ(suggestion("weit", verbs), "; did you mean wait?");
  EXPECT_EQ(suggestion("hib", verbs), "; did you mean hub?");
}

TEST(Suggestion, counts_two_swapped_letters_as_one_edit) {
  EXPECT_EQ(suggestion("sevre", verbs), "; did you mean serve?");
  EXPECT_EQ(suggestion("hbu", verbs), "; did you mean hub?");
}

TEST(Suggestion, allows_one_edit_for_every_three_letters) {
  EXPECT_EQ(suggestion("conect", verbs), "; did you mean connect?");
  EXPECT_EQ(suggestion("konekt", verbs), "");
  EXPECT_EQ(suggestion("dance", verbs), "");
  EXPECT_EQ(suggestion("", verbs), "");
}

}  // namespace

}  // namespace hallway::tool
