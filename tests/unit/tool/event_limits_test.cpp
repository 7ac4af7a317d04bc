// SPDX-License-Identifier: Apache-2.0
#include "tool/io/event_limits.hpp"

#include <gtest/gtest.h>

#include <chrono>

namespace hallway::tool {

namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

const EventLimits::Time start{hours(1)};

std::uint64_t count_logged(EventLimits& limits, std::uint64_t times, EventLimits::Time now) {
  std::uint64_t logged = 0;
  for (std::uint64_t time = 0; time < times; ++time) {
    if (limits.count("connected", now).logged) ++logged;
  }
  return logged;
}

TEST(EventLimits, a_fixed_number_of_a_kind_is_logged_in_a_second) {
  EventLimits limits;
  EXPECT_EQ(count_logged(limits, 1000, start), events_a_second);
  EXPECT_EQ(count_logged(limits, 1000, start + milliseconds(999)), 0);
  EXPECT_EQ(count_logged(limits, 1000, start + seconds(1)), events_a_second);
}

TEST(EventLimits, a_flood_of_one_kind_hides_no_other) {
  EventLimits limits;
  count_logged(limits, 1000, start);
  EXPECT_TRUE(limits.count("violation", start).logged);
}

TEST(EventLimits, the_first_that_is_not_logged_determines_when_to_log_the_count) {
  EventLimits limits;
  count_logged(limits, events_a_second, start);
  const auto first = limits.count("connected", start + milliseconds(300));
  EXPECT_FALSE(first.logged);
  ASSERT_TRUE(first.count_at);
  EXPECT_EQ(*first.count_at, start + seconds(1));
  EXPECT_FALSE(limits.count("connected", start + milliseconds(400)).count_at);
  EXPECT_EQ(limits.take_suppressed("connected"), 2);
  EXPECT_EQ(limits.take_suppressed("connected"), 0);
}

TEST(EventLimits, a_fixed_number_of_a_kind_is_logged_in_an_hour_counts_included) {
  EventLimits limits;
  auto count_at = EventLimits::Time::max();
  std::uint64_t lines = 0;
  auto now = start;
  for (; now < start + hours(1); now += seconds(1)) {
    if (count_at <= now) {
      EXPECT_GT(limits.take_suppressed("connected"), 0);
      count_at = EventLimits::Time::max();
      ++lines;
    }
    for (std::uint64_t time = 0; time < 2 * events_a_second; ++time) {
      const auto decision = limits.count("connected", now);
      if (decision.logged) ++lines;
      if (decision.count_at) count_at = *decision.count_at;
    }
  }
  EXPECT_GE(lines, events_an_hour);
  EXPECT_LE(lines, events_an_hour + 60) << "when they are used up, one a minute";
  EXPECT_EQ(count_logged(limits, 1000, now), events_a_second) << "another hour";
}

TEST(EventLimits, when_the_hour_is_used_up_the_count_is_logged_once_a_minute) {
  EventLimits limits;
  auto now = start;
  for (std::uint64_t logged = 0; logged < events_an_hour; now += seconds(1)) {
    logged += count_logged(limits, events_a_second, now);
  }
  const auto first = limits.count("connected", now);
  EXPECT_FALSE(first.logged);
  ASSERT_TRUE(first.count_at);
  EXPECT_EQ(*first.count_at, now + minutes(1));
}

}  // namespace

}  // namespace hallway::tool
