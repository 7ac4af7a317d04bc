// SPDX-License-Identifier: Apache-2.0
#include "core/report_unread.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <optional>
#include <string>
#include <system_error>

namespace hallway::detail {
namespace {

using namespace std::chrono_literals;

TEST(once_per_second, admits_one_event_a_second_and_counts_the_others) {
  OncePerSecond limit;
  const OncePerSecond::TimePoint start{};
  EXPECT_EQ(limit.admit(start), 0U);
  EXPECT_EQ(limit.admit(start), std::nullopt);
  EXPECT_EQ(limit.admit(start + 999ms), std::nullopt);
  EXPECT_EQ(limit.admit(start + 1s), 2U);
  EXPECT_EQ(limit.admit(start + 1999ms), std::nullopt);
  EXPECT_EQ(limit.admit(start + 5s), 1U);
  EXPECT_EQ(limit.admit(start + 9s), 0U);
}

TEST(report_unread, prints_one_line_on_stderr_and_not_another_at_once) {
  const Error error{std::make_error_code(std::errc::message_size), "send to", "a\npeer", "too long",
                    "a hint"};
  testing::internal::CaptureStderr();
  report_unread(error);
  report_unread(error);
  EXPECT_EQ(testing::internal::GetCapturedStderr(),
            "hallway: nobody looked at this failure: send to a\\npeer: too long\n");
}

}  // namespace
}  // namespace hallway::detail
