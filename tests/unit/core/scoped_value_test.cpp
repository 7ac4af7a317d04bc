// SPDX-License-Identifier: Apache-2.0
#include "core/scoped_value.hpp"

#include <gtest/gtest.h>

#include <stdexcept>
#include <string>

namespace hallway::core {
namespace {

TEST(scoped_value, is_set_until_its_scope_ends) {
  bool flag = false;
  {
    const ScopedValue outer(flag, true);
    EXPECT_TRUE(flag);
    {
      const ScopedValue inner(flag, false);
      EXPECT_FALSE(flag);
    }
    EXPECT_TRUE(flag);
  }
  EXPECT_FALSE(flag);
}

TEST(scoped_value, is_restored_by_an_exception) {
  std::string word = "before";
  try {
    const ScopedValue scoped(word, std::string("within"));
    EXPECT_EQ(word, "within");
    throw std::runtime_error("no");
  } catch (const std::runtime_error&) {
    EXPECT_EQ(word, "before");
  }
}

}  // namespace
}  // namespace hallway::core
