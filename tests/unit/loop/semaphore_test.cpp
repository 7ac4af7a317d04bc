// SPDX-License-Identifier: Apache-2.0
#include <hallway/semaphore.hpp>

#include <gtest/gtest.h>

#include <optional>
#include <utility>
#include <vector>

#include <hallway/loop.hpp>
#include <hallway/task_handle.hpp>

#include "support/waiting.hpp"

namespace hallway {
namespace {

using namespace test;

class semaphore : public testing::Test {
 protected:
  /// Acquires a permit, notes that, and keeps it until it is taken away.
  Task<> take(int number) {
    held.emplace_back(number, co_await it->acquire());
    order.push_back(number);
  }
  void give_back(int number) {
    std::erase_if(held, [number](const auto& one) { return one.first == number; });
  }
  void settle() {
    for (int i = 0; i < 5; ++i) loop.turn();
  }

  Loop loop;
  std::optional<Semaphore> it{std::in_place, loop, 1};
  std::vector<int> order;
  std::vector<std::pair<int, Semaphore::Permit>> held;
};

TEST_F(semaphore, gives_free_permits_at_once) {
  it.emplace(loop, 2);
  loop.spawn(take(1));
  loop.spawn(take(2));
  EXPECT_EQ(order, (std::vector{1, 2}));
  EXPECT_EQ(it->free(), 0U);
  held.clear();
  EXPECT_EQ(it->free(), 2U);
}

TEST_F(semaphore, gives_permits_in_the_order_in_which_tasks_ask) {
  for (const int number : {1, 2, 3}) loop.spawn(take(number));
  EXPECT_EQ(order, (std::vector{1}));
  give_back(1);
  settle();
  EXPECT_EQ(order, (std::vector{1, 2}));
  give_back(2);
  settle();
  EXPECT_EQ(order, (std::vector{1, 2, 3}));
}

TEST_F(semaphore, gives_no_permit_to_one_that_comes_while_another_is_woken) {
  loop.spawn(take(1));
  loop.spawn(take(2));
  give_back(1);         // wakes 2, which continues in the next turn
  loop.spawn(take(3));  // before it
  settle();
  EXPECT_EQ(order, (std::vector{1, 2}));
  give_back(2);
  settle();
  EXPECT_EQ(order, (std::vector{1, 2, 3}));
}

TEST_F(semaphore, passes_a_permit_on_when_the_task_that_was_woken_is_cancelled) {
  loop.spawn(take(1));
  TaskHandle second = loop.spawn(take(2));
  loop.spawn(take(3));
  give_back(1);
  second.cancel();
  settle();
  EXPECT_EQ(order, (std::vector{1, 3}));
}

TEST_F(semaphore, has_the_permit_again_when_the_only_task_that_was_woken_is_cancelled) {
  loop.spawn(take(1));
  TaskHandle second = loop.spawn(take(2));
  give_back(1);
  second.cancel();
  EXPECT_EQ(it->free(), 1U);
  loop.spawn(take(3));
  EXPECT_EQ(order, (std::vector{1, 3}));
}

TEST_F(semaphore, forgets_a_task_that_is_cancelled_while_it_waits) {
  loop.spawn(take(1));
  TaskHandle second = loop.spawn(take(2));
  loop.spawn(take(3));
  second.cancel();
  give_back(1);
  settle();
  EXPECT_EQ(order, (std::vector{1, 3}));
}

TEST_F(semaphore, wakes_a_task_for_each_permit_that_comes_back) {
  it.emplace(loop, 2);
  for (const int number : {1, 2, 3, 4}) loop.spawn(take(number));
  held.clear();
  settle();
  EXPECT_EQ(order, (std::vector{1, 2, 3, 4}));
  EXPECT_EQ(it->free(), 0U);
}

TEST_F(semaphore, may_be_destroyed_before_its_permits_and_waiting_tasks) {
  loop.spawn(take(1));
  loop.spawn(take(2));
  it.reset();
  give_back(1);
  settle();
  EXPECT_EQ(order, (std::vector{1, 2}));
}

TEST_F(semaphore, gets_a_permit_back_at_once_when_another_takes_its_place) {
  Semaphore other(loop, 1);
  loop.spawn(take(1));
  auto theirs = loop.run(other.acquire());
  held.front().second = std::move(theirs);
  EXPECT_EQ(it->free(), 1U);
  EXPECT_EQ(other.free(), 0U);
}

TEST_F(semaphore, goes_on_while_the_loop_drains) {
  loop.spawn(take(1));
  loop.spawn(take(2));
  loop.drain(10s);
  settle();
  EXPECT_EQ(order, (std::vector{1}));
  give_back(1);
  EXPECT_EQ(loop.run(), 0);
  EXPECT_EQ(order, (std::vector{1, 2}));
}

TEST(loop, may_end_before_a_permit) {
  std::optional<Semaphore::Permit> permit;
  {
    Loop loop;
    Semaphore semaphore(loop, 1);
    permit.emplace(loop.run(semaphore.acquire()));
  }
}

}  // namespace
}  // namespace hallway
