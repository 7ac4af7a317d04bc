// SPDX-License-Identifier: Apache-2.0
#include <hallway/detail/waiter.hpp>

#include <gtest/gtest.h>

#include <memory>

namespace hallway::detail {
namespace {

TEST(waiter_list, is_empty_at_first) {
  WaiterList list;
  EXPECT_TRUE(list.empty());
  EXPECT_EQ(list.pop_front(), nullptr);
}

TEST(waiter_list, gives_back_waiters_first_in_first_out) {
  Waiter a, b, c;
  WaiterList list;
  list.push_back(a);
  list.push_back(b);
  list.push_back(c);
  EXPECT_TRUE(b.linked());
  EXPECT_EQ(list.pop_front(), &a);
  EXPECT_EQ(list.pop_front(), &b);
  EXPECT_EQ(list.pop_front(), &c);
  EXPECT_TRUE(list.empty());
  EXPECT_FALSE(b.linked());
}

TEST(waiter_list, is_left_by_a_waiter_that_ends) {
  Waiter a, c;
  WaiterList list;
  list.push_back(a);
  {
    Waiter b;
    list.push_back(b);
    list.push_back(c);
  }
  EXPECT_EQ(list.pop_front(), &a);
  EXPECT_EQ(list.pop_front(), &c);
}

TEST(waiter_list, lets_go_of_its_waiters_when_it_ends) {
  Waiter a;
  {
    WaiterList list;
    list.push_back(a);
  }
  EXPECT_FALSE(a.linked());
}

TEST(waiter_list, takes_a_waiter_from_the_list_it_is_in) {
  Waiter a, b;
  WaiterList first;
  WaiterList second;
  first.push_back(a);
  first.push_back(b);
  second.push_back(a);
  EXPECT_EQ(first.pop_front(), &b);
  EXPECT_TRUE(first.empty());
  EXPECT_EQ(second.pop_front(), &a);
}

TEST(waiter_list, moves_all_to_the_end_of_another) {
  Waiter a, b, c;
  WaiterList first;
  WaiterList second;
  first.push_back(b);
  first.push_back(c);
  second.push_back(a);
  first.move_to(second);
  EXPECT_TRUE(first.empty());
  first.move_to(second);  // nothing
  EXPECT_EQ(second.pop_front(), &a);
  first.push_back(a);
  EXPECT_EQ(first.pop_front(), &a);
  EXPECT_EQ(second.pop_front(), &b);
  EXPECT_EQ(second.pop_front(), &c);
  EXPECT_TRUE(second.empty());
}

TEST(waiter, may_unlink_twice) {
  Waiter a;
  WaiterList list;
  list.push_back(a);
  a.unlink();
  a.unlink();
  EXPECT_TRUE(list.empty());
}

}  // namespace
}  // namespace hallway::detail
