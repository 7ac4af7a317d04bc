// SPDX-License-Identifier: Apache-2.0
#include <hallway/descriptor.hpp>

#include <gtest/gtest.h>

#include <cerrno>
#include <type_traits>
#include <utility>

#include "support/raw_socket.hpp"

namespace hallway {
namespace {

using namespace test;

static_assert(!std::is_copy_constructible_v<Descriptor> && !std::is_copy_assignable_v<Descriptor>);
static_assert(!std::is_convertible_v<Descriptor, int> && !std::is_convertible_v<Descriptor, bool>);
static_assert(!std::is_convertible_v<int, Descriptor>);
static_assert(std::is_nothrow_move_constructible_v<Descriptor>);

TEST(descriptor, holds_nothing_at_first) {
  const Descriptor nothing;
  EXPECT_FALSE(nothing.holds_one());
  EXPECT_EQ(nothing.get(), -1);
}

TEST(descriptor, closes_what_it_adopted) {
  int number = -1;
  {
    const Descriptor file = some_file();
    number = file.get();
    EXPECT_TRUE(file.holds_one());
    EXPECT_TRUE(is_open(number));
  }
  EXPECT_FALSE(is_open(number));
}

TEST(descriptor, closes_once_when_closed_twice) {
  Descriptor file = some_file();
  const int number = file.get();
  file.close();
  EXPECT_FALSE(file.holds_one());
  const Descriptor other = some_file();
  ASSERT_EQ(other.get(), number);
  file.close();
  EXPECT_TRUE(is_open(number));
}

TEST(descriptor, moves_leave_the_source_empty) {
  Descriptor first = some_file();
  const int number = first.get();
  Descriptor second = std::move(first);
  EXPECT_FALSE(first.holds_one());  // NOLINT(bugprone-use-after-move): that is the question
  EXPECT_EQ(second.get(), number);
  EXPECT_TRUE(is_open(number));
}

TEST(descriptor, closes_the_old_one_when_another_is_moved_in) {
  Descriptor first = some_file();
  const int old = first.get();
  Descriptor second = some_file();
  const int kept = second.get();
  first = std::move(second);
  EXPECT_FALSE(is_open(old));
  EXPECT_EQ(first.get(), kept);
}

TEST(descriptor, survives_being_moved_into_itself) {
  Descriptor file = some_file();
  Descriptor& same = file;
  file = std::move(same);
  EXPECT_TRUE(file.holds_one());
  EXPECT_TRUE(is_open(file.get()));
}

TEST(descriptor, gives_up_ownership_on_release) {
  int number = -1;
  {
    Descriptor file = some_file();
    number = file.release();
    EXPECT_FALSE(file.holds_one());
  }
  ASSERT_TRUE(is_open(number));
  const Descriptor again = Descriptor::adopt(number);
}

TEST(descriptor, counts_zero_as_a_descriptor) {
  Descriptor zero = Descriptor::adopt(0);
  EXPECT_TRUE(zero.holds_one());
  EXPECT_EQ(zero.release(), 0);
}

TEST(descriptor, leaves_errno_alone_when_it_closes) {
  Descriptor bad = Descriptor::adopt(1'000'000);
  errno = EXDEV;
  bad.close();
  EXPECT_EQ(errno, EXDEV);
}

}  // namespace
}  // namespace hallway
