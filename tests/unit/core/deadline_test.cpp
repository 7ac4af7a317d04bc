// SPDX-License-Identifier: Apache-2.0
#include <hallway/deadline.hpp>

#include <gtest/gtest.h>

#include <chrono>

namespace hallway {
namespace {

using namespace std::chrono_literals;

TEST(deadline, has_at_most_its_whole_time_left) {
  const Deadline deadline(1h);
  EXPECT_FALSE(deadline.passed());
  EXPECT_GT(deadline.left(), 59min);
  EXPECT_LE(deadline.left(), 1h);
}

TEST(deadline, has_passed_at_once_without_time) {
  for (const Duration within : {Duration::zero(), Duration(-1h)}) {
    const Deadline deadline(within);
    EXPECT_TRUE(deadline.passed());
    EXPECT_EQ(deadline.left(), Duration::zero());
  }
}

TEST(deadline, never_passes_if_it_is_forever) {
  const Deadline deadline(forever);
  EXPECT_FALSE(deadline.passed());
  EXPECT_EQ(deadline.left(), forever);
}

TEST(deadline, never_passes_if_it_is_beyond_the_range_of_the_clock) {
  const Deadline deadline(forever - 1ns);
  EXPECT_FALSE(deadline.passed());
  EXPECT_EQ(deadline.left(), forever);
}

}  // namespace
}  // namespace hallway
