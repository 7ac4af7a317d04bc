// SPDX-License-Identifier: Apache-2.0
#include "core/backoff.hpp"

#include <gtest/gtest.h>

#include <chrono>

namespace hallway::core {
namespace {

using namespace std::chrono_literals;

TEST(backoff, waits_twice_as_long_each_time_up_to_the_longest) {
  Backoff waits(10ms, 50ms);
  for (const Duration wait : {10ms, 20ms, 40ms, 50ms, 50ms}) EXPECT_EQ(waits.next(), wait);
}

TEST(backoff, starts_over_after_a_success) {
  Backoff waits(10ms, 50ms);
  waits.next();
  waits.next();
  waits.reset();
  EXPECT_EQ(waits.next(), 10ms);
}

TEST(backoff, never_waits_longer_than_the_longest) {
  EXPECT_EQ(Backoff(50ms, 10ms).next(), 10ms);
  Backoff waits(Duration::max() / 2 + Duration(1), Duration::max());
  waits.next();
  EXPECT_EQ(waits.next(), Duration::max());
}

}  // namespace
}  // namespace hallway::core
