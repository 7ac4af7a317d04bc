// SPDX-License-Identifier: Apache-2.0
#include "core/number.hpp"

#include <gtest/gtest.h>

#include <cstdint>

namespace hallway::core {
namespace {

TEST(number, is_all_of_the_text) {
  EXPECT_EQ(parse_number<unsigned>("0"), 0U);
  EXPECT_EQ(parse_number<unsigned>("0042"), 42U);
  EXPECT_EQ(parse_number<int>("-7"), -7);
  for (const char* text : {"", " 1", "1 ", "+1", "1x", "x", "0x1", "1.0", "1e3", "-", "--1"}) {
    EXPECT_EQ(parse_number<int>(text), std::nullopt) << text;
  }
}

TEST(number, is_within_the_range_of_its_type) {
  EXPECT_EQ(parse_number<std::uint8_t>("255"), 255);
  EXPECT_EQ(parse_number<std::uint8_t>("256"), std::nullopt);
  EXPECT_EQ(parse_number<unsigned>("-1"), std::nullopt);
  EXPECT_EQ(parse_number<std::uint64_t>("18446744073709551615"), UINT64_MAX);
  EXPECT_EQ(parse_number<std::uint64_t>("18446744073709551616"), std::nullopt);
  EXPECT_EQ(parse_number<std::int64_t>("-9223372036854775808"), INT64_MIN);
}

TEST(number, is_taken_from_the_front) {
  std::string_view text = "12.34";
  EXPECT_EQ(take_number<unsigned>(text), 12U);
  EXPECT_EQ(text, ".34");
}

TEST(number, that_is_not_there_leaves_the_text_as_it_is) {
  for (const std::string_view text : {"", ".34", "-1", "999.34"}) {
    std::string_view rest = text;
    EXPECT_EQ(take_number<std::uint8_t>(rest), std::nullopt) << text;
    EXPECT_EQ(rest, text);
  }
}

}  // namespace
}  // namespace hallway::core
