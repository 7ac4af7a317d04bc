// SPDX-License-Identifier: Apache-2.0
#include "core/ascii.hpp"

#include <gtest/gtest.h>

#include <string>

namespace hallway::core {
namespace {

std::string bytes_that(bool (*are)(char) noexcept) {
  std::string found;
  for (int byte = 0; byte < 256; ++byte) {
    if (are(static_cast<char>(byte))) found += static_cast<char>(byte);
  }
  return found;
}

TEST(ascii, knows_its_letters_and_digits_and_no_others) {
  EXPECT_EQ(bytes_that(is_digit), "0123456789");
  EXPECT_EQ(bytes_that(is_letter), "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz");
}

TEST(ascii, changes_the_case_of_letters_only) {
  for (int value = 0; value < 256; ++value) {
    const char byte = static_cast<char>(value);
    const bool is_upper = value >= 'A' && value <= 'Z';
    EXPECT_EQ(to_lower(byte), is_upper ? static_cast<char>(value + 32) : byte) << value;
  }
}

TEST(ascii, reads_hexadecimal_digits_in_both_cases) {
  constexpr std::string_view lower = "0123456789abcdef";
  constexpr std::string_view upper = "0123456789ABCDEF";
  for (int value = 0; value < 256; ++value) {
    const char byte = static_cast<char>(value);
    const std::size_t place = std::min(lower.find(byte), upper.find(byte));
    EXPECT_EQ(hex_value(byte), place == std::string_view::npos ? -1 : static_cast<int>(place));
  }
}

TEST(ascii, compares_without_regard_to_case) {
  EXPECT_TRUE(equal_ignoring_case("", ""));
  EXPECT_TRUE(equal_ignoring_case("Nats-Msg-Id", "nats-msg-ID"));
  EXPECT_FALSE(equal_ignoring_case("a", "ab"));
  EXPECT_FALSE(
      equal_ignoring_case("@", "`"));  // they differ in the bit that is the case of letters
  EXPECT_FALSE(equal_ignoring_case("\xC3\x84", "\xC3\xA4"));
}

}  // namespace
}  // namespace hallway::core
