// SPDX-License-Identifier: Apache-2.0
#include <hallway/task_scope.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <exception>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include <hallway/loop.hpp>

#include "support/refusal.hpp"
#include "support/waiting.hpp"
#include "unit/loop/mark.hpp"

namespace hallway {
namespace {

using namespace test;
using testing::HasSubstr;

Task<> fail_after(Loop& loop, Duration time, const char* why) {
  co_await loop.sleep(time);
  throw std::runtime_error(why);
}

TEST(task_scope, ends_its_tasks_before_what_was_declared_before_it) {
  Loop loop;
  std::vector<std::string> log;
  {
    const Mark before(log, "before");
    TaskScope scope(loop);
    scope.spawn(hold(loop, log, "task"));
    EXPECT_EQ(scope.size(), 1U);
  }
  EXPECT_EQ(log, (std::vector<std::string>{"task", "before"}));
  EXPECT_EQ(loop.run(), 0);
}

TEST(task_scope, ends_with_the_task_that_holds_it) {
  Loop loop;
  std::vector<std::string> log;
  TaskHandle handle = loop.spawn([&]() -> Task<> {
    const Mark mark(log, "parent");
    TaskScope scope(loop);
    scope.spawn(hold(loop, log, "child"));
    co_await loop.sleep(forever);
  });
  handle.cancel();
  EXPECT_EQ(log, (std::vector<std::string>{"child", "parent"}));
}

TEST(task_scope, ends_with_the_loop_in_which_its_task_waits) {
  std::vector<std::string> log;
  {
    Loop loop;
    loop.spawn([&]() -> Task<> {
      TaskScope scope(loop);
      scope.spawn(hold(loop, log, "child"));
      co_await scope.join();
    });
  }
  EXPECT_EQ(log, (std::vector<std::string>{"child"}));
}

TEST(task_scope, keeps_what_a_lambda_has_captured) {
  Loop loop;
  auto held = std::make_shared<int>(0);
  TaskScope scope(loop);
  scope.spawn([&loop, held]() -> Task<> {
    co_await loop.sleep(1ms);
    ++*held;
  });
  while (scope.size() > 0) loop.turn(1ms);
  EXPECT_EQ(*held, 1);
  EXPECT_EQ(held.use_count(), 1);
}

TEST(task_scope, joins_when_all_tasks_have_ended) {
  Loop loop;
  int ended = 0;
  loop.run([](Loop& on, int& count) -> Task<> {
    TaskScope scope(on);
    for (const Duration time : {3ms, 1ms, 2ms}) {
      scope.spawn([&on, &count, time]() -> Task<> {
        co_await on.sleep(time);
        ++count;
      });
    }
    co_await scope.join();
    EXPECT_EQ(count, 3);
    EXPECT_EQ(scope.size(), 0U);
    co_await scope.join();  // again, at once
  }(loop, ended));
  EXPECT_EQ(ended, 3);
}

TEST(task_scope, passes_the_first_exception_to_the_task_that_joins_and_lets_the_others_go_on) {
  Loop loop;
  std::vector<std::string> log;
  loop.run([](Loop& on, std::vector<std::string>& lines) -> Task<> {
    TaskScope scope(on);
    scope.spawn(fail_after(on, 1ms, "first"));
    scope.spawn(fail_after(on, 2ms, "second"));
    scope.spawn([&]() -> Task<> {
      co_await on.sleep(3ms);
      lines.emplace_back("went on");
    });
    try {
      co_await scope.join();
    } catch (const std::runtime_error& error) {
      lines.emplace_back(error.what());
    }
  }(loop, log));
  EXPECT_EQ(log, (std::vector<std::string>{"went on", "first"}));
}

TEST(task_scope, leaves_an_exception_that_no_join_has_seen_to_run) {
  Loop loop;
  loop.spawn([](Loop& on) -> Task<> {
    TaskScope scope(on);
    scope.spawn(fail_after(on, 0ms, "on purpose"));
    co_await on.sleep(2ms);
  }(loop));
  EXPECT_THROW(loop.run(), std::runtime_error);
  EXPECT_EQ(loop.run(), 0);
}

TEST(task_scope, leaves_an_exception_to_the_task_that_ended_with_the_scope_and_to_no_other) {
  Loop loop;
  const auto unlucky = [](Loop& on) -> Task<> {
    {
      TaskScope scope(on);
      scope.spawn(fail_after(on, 0ms, "on purpose"));
      co_await on.sleep(2ms);
    }
    co_await on.sleep(forever);
  };
  TaskHandle other = loop.spawn([](Loop& on) -> Task<> { co_await on.sleep(2ms); }(loop));
  std::exception_ptr joined;
  loop.spawn([](TaskHandle& handle, std::exception_ptr& failure) -> Task<> {
    try {
      co_await handle.join();
    } catch (...) {
      failure = std::current_exception();
    }
  }(other, joined));
  loop.spawn(unlucky(loop));
  EXPECT_THROW(loop.run(), std::runtime_error);
  EXPECT_EQ(joined, nullptr);
}

TEST(task_scope, gives_an_exception_to_the_handle_that_joins_and_not_to_the_scope) {
  Loop loop;
  std::string caught;
  loop.run([](Loop& on, std::string& what) -> Task<> {
    TaskScope scope(on);
    TaskHandle handle = scope.spawn(fail_after(on, 1ms, "on purpose"));
    try {
      co_await handle.join();
    } catch (const std::runtime_error& error) {
      what = error.what();
    }
    co_await scope.join();
  }(loop, caught));
  EXPECT_EQ(caught, "on purpose");
}

TEST(task_scope, cancels_all_its_tasks_and_can_be_used_again) {
  Loop loop;
  std::vector<std::string> log;
  TaskScope scope(loop);
  scope.spawn(hold(loop, log, "a"));
  scope.spawn(hold(loop, log, "b"));
  scope.cancel();
  EXPECT_EQ(scope.size(), 0U);
  EXPECT_EQ(log.size(), 2U);
  scope.spawn(hold(loop, log, "c"));
  EXPECT_EQ(scope.size(), 1U);
}

TEST(task_scope, lets_a_task_of_its_own_spawn_others_in_it) {
  Loop loop;
  int ended = 0;
  loop.run([](Loop& on, int& count) -> Task<> {
    TaskScope scope(on);
    scope.spawn([&]() -> Task<> {
      co_await on.sleep(1ms);
      scope.spawn([&]() -> Task<> {
        co_await on.sleep(1ms);
        ++count;
      });
    });
    co_await scope.join();
  }(loop, ended));
  EXPECT_EQ(ended, 1);
}

TEST(task_scope, continues_a_join_after_the_scope_is_gone) {
  Loop loop;
  auto scope = std::make_unique<TaskScope>(loop);
  bool joined = false;
  scope->spawn([](Loop& on) -> Task<> { co_await on.sleep(forever); }(loop));
  loop.spawn([](TaskScope& of_others, bool& flag) -> Task<> {
    co_await of_others.join();
    flag = true;
  }(*scope, joined));
  scope.reset();
  EXPECT_EQ(loop.run(), 0);
  EXPECT_TRUE(joined);
}

TEST(task_scope, refuses_that_a_task_of_its_own_cancels_it) {
  EXPECT_THAT(refusal_of([] {
                Loop loop;
                TaskScope scope(loop);
                scope.spawn([&]() -> Task<> {
                  co_await loop.sleep(1ms);
                  scope.cancel();
                });
                loop.run([](Loop& on) -> Task<> { co_await on.sleep(5s); }(loop));
              }),
              HasSubstr("cannot cancel itself or destroy its own TaskScope"));
}

TEST(task_scope, refuses_that_a_task_of_its_own_destroys_it) {
  EXPECT_THAT(refusal_of([] {
                Loop loop;
                std::optional<TaskScope> scope(std::in_place, loop);
                scope->spawn([&]() -> Task<> {
                  scope.reset();
                  co_return;
                });
              }),
              HasSubstr("cannot cancel itself or destroy its own TaskScope"));
}

TEST(task_scope, may_be_cancelled_by_a_task_that_the_one_which_joins_has_not_spawned) {
  Loop loop;
  std::vector<std::string> log;
  TaskHandle parent = loop.spawn([&]() -> Task<> {
    TaskScope scope(loop);
    scope.spawn(hold(loop, log, "child"));
    co_await scope.join();
  });
  loop.spawn([&]() -> Task<> {
    co_await loop.sleep(1ms);
    parent.cancel();
  });
  EXPECT_EQ(loop.run(), 0);
  EXPECT_EQ(log, (std::vector<std::string>{"child"}));
}

}  // namespace
}  // namespace hallway
