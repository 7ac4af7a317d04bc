// SPDX-License-Identifier: Apache-2.0
#include "core/random.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <set>
#include <string>

namespace hallway::core {
namespace {

// Of a thousand fair draws, none leaves a bit as it was.
TEST(random, number_changes_in_all_its_bits) {
  std::uint64_t ever_set = 0;
  std::uint64_t always_set = UINT64_MAX;
  for (int i = 0; i < 1000; ++i) {
    const std::uint64_t number = random_number();
    ever_set |= number;
    always_set &= number;
  }
  EXPECT_EQ(ever_set, UINT64_MAX);
  EXPECT_EQ(always_set, 0U);
}

TEST(random, word_has_its_size_and_all_letters_of_base32) {
  const std::string word = random_base32(4000);
  EXPECT_EQ(word.size(), 4000U);
  EXPECT_EQ(word.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"), std::string::npos);
  EXPECT_EQ(std::set(word.begin(), word.end()).size(), 32U);
}

}  // namespace
}  // namespace hallway::core
