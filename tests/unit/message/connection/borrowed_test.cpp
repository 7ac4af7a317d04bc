// SPDX-License-Identifier: Apache-2.0
//
// Tasks that have a connection by reference end with it.
#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <hallway/connection.hpp>
#include <hallway/loop.hpp>
#include <hallway/task_handle.hpp>
#include <hallway/task_scope.hpp>
#include <hallway/when_any.hpp>

#include "support/waiting.hpp"

namespace hallway {
namespace {

using namespace test;

class borrowed : public testing::Test {
 protected:
  void SetUp() override {
    auto made = Connection::pair(loop);
    ASSERT_TRUE(made);
    near = std::make_unique<Connection>(std::move(made->first));
    far = std::make_unique<Connection>(std::move(made->second));
  }
  void settle() {
    for (int i = 0; i < 5; ++i) loop.turn();
  }

  Loop loop;
  std::unique_ptr<Connection> near;
  std::unique_ptr<Connection> far;
  std::shared_ptr<int> held = std::make_shared<int>(0);
};

Task<> tick(Loop& loop, Connection& to, std::shared_ptr<int> count) {
  for (;;) {
    co_await loop.sleep(1ms);
    (void)to.try_send("tick");
    ++*count;
  }
}

Task<> receive_once(Connection& from, std::shared_ptr<int> count) {
  co_await from.receive();
  ++*count;
}

Task<> awaits_another(Loop& loop, Connection& to, std::shared_ptr<int> count) {
  co_await tick(loop, to, std::move(count));
}

TEST_F(borrowed, ends_a_task_where_it_waits_with_the_connection) {
  const TaskHandle sleeping = loop.spawn(tick(loop, *near, held));
  const TaskHandle receiving = loop.spawn(receive_once(*near, held));
  const TaskHandle nested = loop.spawn(awaits_another(loop, *near, held));
  EXPECT_GE(held.use_count(), 4);
  near.reset();
  EXPECT_TRUE(sleeping.done());
  EXPECT_TRUE(receiving.done());
  EXPECT_TRUE(nested.done());
  EXPECT_EQ(held.use_count(), 1);
  settle();
}

TEST_F(borrowed, ends_a_task_when_another_connection_takes_the_place) {
  const TaskHandle handle = loop.spawn(tick(loop, *near, held));
  *near = std::move(*far);
  EXPECT_TRUE(handle.done());
}

TEST_F(borrowed, ends_a_task_of_a_scope) {
  TaskScope scope(loop);
  scope.spawn(tick(loop, *near, held));
  near.reset();
  EXPECT_EQ(scope.size(), 0U);
}

TEST_F(borrowed, keeps_the_tasks_of_the_other_connection) {
  const TaskHandle ours = loop.spawn(tick(loop, *near, held));
  const TaskHandle theirs = loop.spawn(tick(loop, *far, held));
  near.reset();
  EXPECT_TRUE(ours.done());
  EXPECT_FALSE(theirs.done());
}

TEST_F(borrowed, ends_a_task_that_has_both_with_the_first) {
  const auto both = [](Loop& on, Connection& one, Connection& two,
                       std::shared_ptr<int> count) -> Task<> {
    co_await on.sleep(forever);
    *count = one.number() == two.number();
  };
  const TaskHandle handle = loop.spawn(both(loop, *near, *far, held));
  far.reset();
  EXPECT_TRUE(handle.done());
  near.reset();
  EXPECT_EQ(held.use_count(), 1);
}

TEST_F(borrowed, forgets_a_task_that_has_ended_before) {
  TaskHandle handle = loop.spawn(tick(loop, *near, held));
  handle.cancel();
  near.reset();
  settle();
}

TEST_F(borrowed, forgets_a_task_that_was_never_started) {
  {
    const Task<> never = tick(loop, *near, held);
  }
  near.reset();
  EXPECT_EQ(held.use_count(), 1);
}

TEST_F(borrowed, may_be_destroyed_by_the_task_that_has_it) {
  const auto end = [](Loop& on, Connection&, std::unique_ptr<Connection>& owner,
                      std::shared_ptr<int> count) -> Task<> {
    co_await on.sleep(0ms);
    owner.reset();
    ++*count;
  };
  loop.spawn(end(loop, *near, near, held));
  settle();
  EXPECT_EQ(*held, 1);
  EXPECT_EQ(held.use_count(), 1);
}

TEST_F(borrowed, may_be_destroyed_by_the_task_that_has_it_before_that_first_waits) {
  const auto end = [](Connection&, std::unique_ptr<Connection>& owner,
                      std::shared_ptr<int> count) -> Task<> {
    owner.reset();
    ++*count;
    co_return;
  };
  loop.spawn(end(*near, near, held));
  EXPECT_EQ(*held, 1);
}

Task<> destroy_after(Loop& loop, std::unique_ptr<Connection>& owner) {
  co_await loop.sleep(1ms);
  owner.reset();
}

TEST_F(borrowed, may_be_destroyed_in_a_race_of_the_task_that_has_it) {
  const auto end = [](Loop& on, Connection&, std::unique_ptr<Connection>& owner,
                      std::shared_ptr<int> count) -> Task<> {
    co_await with_timeout(destroy_after(on, owner), patience);
    ++*count;
  };
  const TaskHandle handle = loop.spawn(end(loop, *near, near, held));
  EXPECT_TRUE(run_until(loop, [&] { return handle.done(); }));
  EXPECT_EQ(*held, 1);
}

Task<> own(Loop& loop, Connection& it, std::unique_ptr<Connection> owner,
           std::shared_ptr<int> count) {
  const auto local = std::move(owner);
  co_await loop.sleep(2ms);
  *count = local.get() == &it ? 1 : -1;
}

TEST_F(borrowed, may_be_owned_by_the_task_that_has_it) {
  Connection& it = *near;
  const TaskHandle handle = loop.spawn(own(loop, it, std::move(near), held));
  EXPECT_TRUE(run_until(loop, [&] { return handle.done(); }));
  EXPECT_EQ(*held, 1);
}

TEST_F(borrowed, may_be_owned_by_the_task_that_has_it_and_is_cancelled) {
  Connection& it = *near;
  TaskHandle handle = loop.spawn(own(loop, it, std::move(near), held));
  handle.cancel();
  EXPECT_EQ(held.use_count(), 1);
}

TEST_F(borrowed, by_a_lambda_ends_with_the_connection) {
  const TaskHandle handle = loop.spawn([](Loop& on, Connection& to) -> Task<> {
    for (;;) {
      co_await on.sleep(1ms);
      (void)to.try_send("tick");
    }
  }(loop, *near));
  near.reset();
  EXPECT_TRUE(handle.done());
}

}  // namespace
}  // namespace hallway
