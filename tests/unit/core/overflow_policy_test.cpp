// SPDX-License-Identifier: Apache-2.0
#include <hallway/overflow_policy.hpp>

#include <gtest/gtest.h>

#include <array>

#include "core/check_overflow.hpp"

namespace hallway {
namespace {

constexpr std::array two{OverflowPolicy::wait, OverflowPolicy::latest_only};

TEST(overflow_policy, is_found_by_its_name) {
  for (const OverflowPolicy policy : all_overflow_policies) {
    EXPECT_EQ(overflow_policy(to_string(policy)), policy);
  }
  EXPECT_EQ(to_string(OverflowPolicy::drop_oldest), "drop_oldest");
  EXPECT_EQ(overflow_policy("drop-oldest"), std::nullopt);
  EXPECT_EQ(overflow_policy(""), std::nullopt);
  EXPECT_EQ(overflow_policy(to_string(static_cast<OverflowPolicy>(6))), std::nullopt);
}

TEST(overflow_policy, is_found_only_among_the_supported_ones) {
  EXPECT_EQ(overflow_policy("latest_only", two), OverflowPolicy::latest_only);
  EXPECT_EQ(overflow_policy("fail", two), std::nullopt);
}

TEST(overflow_policy, is_refused_with_the_list_of_the_supported_ones) {
  EXPECT_TRUE(core::check_overflow(OverflowPolicy::wait, two, "doors"));
  const auto refused = core::check_overflow(OverflowPolicy::fail, two, "doors");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, std::errc::invalid_argument);
  EXPECT_EQ(refused.error().explain(), "overflow policy fail: doors support wait, latest_only");
}

}  // namespace
}  // namespace hallway
