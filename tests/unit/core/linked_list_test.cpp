// SPDX-License-Identifier: Apache-2.0
#include "core/linked_list.hpp"

#include <gtest/gtest.h>

namespace hallway::core {
namespace {

struct Element : Linked<Element> {
  explicit Element(int number) : value(number) {}
  int value;
};

TEST(linked_list, gives_its_elements_in_the_order_they_came) {
  Element one(1);
  Element two(2);
  LinkedList<Element> list;
  EXPECT_TRUE(list.empty());
  EXPECT_EQ(list.pop_front(), nullptr);
  list.push_back(one);
  list.push_back(two);
  EXPECT_TRUE(one.linked());
  EXPECT_EQ(list.pop_front(), &one);
  EXPECT_FALSE(one.linked());
  EXPECT_EQ(list.pop_front(), &two);
  EXPECT_TRUE(list.empty());
}

TEST(linked_list, has_an_element_once_and_at_the_end_when_it_comes_again) {
  Element one(1);
  Element two(2);
  LinkedList<Element> list;
  for (Element* element : {&one, &two, &one}) list.push_back(*element);
  EXPECT_EQ(list.pop_front(), &two);
  EXPECT_EQ(list.pop_front(), &one);
  EXPECT_EQ(list.pop_front(), nullptr);
}

TEST(linked_list, loses_an_element_that_is_destroyed_or_moves_to_another) {
  LinkedList<Element> list;
  LinkedList<Element> other;
  Element kept(1);
  {
    Element gone(2);
    list.push_back(gone);
    list.push_back(kept);
  }
  EXPECT_TRUE(list.any_of([](const Element& element) { return element.value == 1; }));
  EXPECT_FALSE(list.any_of([](const Element& element) { return element.value == 2; }));
  list.move_to(other);
  EXPECT_TRUE(list.empty());
  EXPECT_EQ(other.pop_front(), &kept);
}

TEST(linked_list, moves_all_to_the_end_of_another_and_takes_more_afterwards) {
  Element one(1);
  Element two(2);
  Element three(3);
  LinkedList<Element> list;
  LinkedList<Element> other;
  other.push_back(one);
  list.move_to(other);  // nothing
  list.push_back(two);
  list.push_back(three);
  list.move_to(other);
  EXPECT_TRUE(list.empty());
  list.push_back(one);
  EXPECT_EQ(list.pop_front(), &one);
  EXPECT_EQ(other.pop_front(), &two);
  EXPECT_EQ(other.pop_front(), &three);
  EXPECT_TRUE(other.empty());
}

TEST(linked_list, leaves_its_elements_alone_when_it_ends) {
  Element element(1);
  {
    LinkedList<Element> list;
    list.push_back(element);
  }
  EXPECT_FALSE(element.linked());
}

}  // namespace
}  // namespace hallway::core
