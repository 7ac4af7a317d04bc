// SPDX-License-Identifier: Apache-2.0
#include "tool/io/figures.hpp"

#include <gtest/gtest.h>

namespace hallway::tool {

namespace {

TEST(Figures, a_time_has_three_digits_and_the_unit_that_fits) {
  EXPECT_EQ(write_time(0), "0 ns");
  EXPECT_EQ(write_time(850), "850 ns");
  EXPECT_EQ(write_time(999.4), "999 ns");
  EXPECT_EQ(write_time(999.6), "1.00 us");
  EXPECT_EQ(write_time(1'234), "1.23 us");
  EXPECT_EQ(write_time(9'996), "10.0 us");
  EXPECT_EQ(write_time(12'345), "12.3 us");
  EXPECT_EQ(write_time(99'960), "100 us");
  EXPECT_EQ(write_time(999'600), "1.00 ms");
  EXPECT_EQ(write_time(2.5e9), "2.50 s");
  EXPECT_EQ(write_time(4.2e12), "4200 s");
  EXPECT_EQ(write_time(12'345, Micro::mu), "12.3 µs");
}

TEST(Figures, numbers_are_grouped_by_thousands) {
  EXPECT_EQ(write_grouped(0), "0");
  EXPECT_EQ(write_grouped(999), "999");
  EXPECT_EQ(write_grouped(1'000), "1,000");
  EXPECT_EQ(write_grouped(123'456.7), "123,457");
  EXPECT_EQ(write_grouped(1'234'567), "1,234,567");
}

TEST(Figures, bytes_go_by_powers_of_1000) {
  EXPECT_EQ(write_bytes(64), "64 B");
  EXPECT_EQ(write_bytes(5'280'000), "5.28 MB");
  EXPECT_EQ(write_bytes(1.5e13), "15.0 TB");
}

TEST(Figures, a_share_is_a_whole_percentage) { EXPECT_EQ(write_share(0.979), "98 %"); }

}  // namespace

}  // namespace hallway::tool
