// SPDX-License-Identifier: Apache-2.0
#include "core/siphash.hpp"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

namespace hallway::core {
namespace {

using namespace std::string_view_literals;

// hash(bytes) of CPython 3.11 with PYTHONHASHSEED=0, whose key is zero.
TEST(siphash, agrees_with_another_implementation) {
  const HashKey zero;
  EXPECT_EQ(SipHash::of("a", zero), 0x407448d2b89b1813U);
  EXPECT_EQ(SipHash::of("1234567", zero), 0xa33d651594fdae81U);
  EXPECT_EQ(SipHash::of("12345678", zero), 0x3489982430560a87U);
  EXPECT_EQ(SipHash::of("123456789", zero), 0x0fbc0f0007965fcfU);
  EXPECT_EQ(SipHash::of("the quick brown fox jumps", zero), 0x00c98b97e4f70042U);
  EXPECT_EQ(SipHash::of("\xff\x80\0"sv, zero), 0x13cc87f272646634U);
}

TEST(siphash, depends_on_both_halves_of_its_key) {
  const std::uint64_t hash = SipHash::of("subject", {1, 2});
  EXPECT_NE(hash, SipHash::of("subject", {1, 3}));
  EXPECT_NE(hash, SipHash::of("subject", {3, 2}));
  EXPECT_EQ(hash, SipHash::of(std::string("subject"), {1, 2}));
}

}  // namespace
}  // namespace hallway::core
