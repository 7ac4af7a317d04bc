// SPDX-License-Identifier: Apache-2.0
#include <hallway/task.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <hallway/loop.hpp>

#include "loop/task_group.hpp"
#include "support/waiting.hpp"

namespace hallway {
namespace {

using namespace test;

static_assert(!std::is_copy_constructible_v<Task<>> &&
              std::is_nothrow_move_constructible_v<Task<>>);

/// Says in `log` when it is destroyed.
struct EndMark {
  std::vector<std::string>& log;
  std::string name;
  EndMark(std::vector<std::string>& to, std::string what) : log(to), name(std::move(what)) {}
  EndMark(const EndMark&) = delete;
  EndMark& operator=(const EndMark&) = delete;
  ~EndMark() { log.push_back("end of " + name); }
};

Task<int> number(int value) { co_return value; }

Task<int> sum(int a, int b) { co_return co_await number(a) + co_await number(b); }

Task<std::unique_ptr<int>> boxed(int value) { co_return std::make_unique<int>(value); }

Task<> failing() {
  throw std::runtime_error("on purpose");
  co_return;
}

Task<> sleeping(Loop& loop, std::vector<std::string>& log, std::string name) {
  const EndMark mark(log, name);
  log.push_back(name + " started");
  co_await loop.sleep(forever);
  log.push_back(name + " went on");
}

TEST(task, does_not_start_before_it_is_awaited) {
  Loop loop;
  bool started = false;
  const auto start = [](bool& flag) -> Task<> {
    flag = true;
    co_return;
  };
  Task<> task = start(started);
  EXPECT_FALSE(started);
  loop.run(std::move(task));
  EXPECT_TRUE(started);
}

TEST(task, may_be_let_go_of_without_being_started) {
  std::vector<std::string> log;
  Loop loop;
  {
    Task<> never = sleeping(loop, log, "it");
  }
  EXPECT_TRUE(log.empty());
}

TEST(task, gives_its_value) {
  Loop loop;
  EXPECT_EQ(loop.run(sum(1, 2)), 3);
  EXPECT_EQ(*loop.run(boxed(4)), 4);
}

TEST(task, hands_its_exception_to_the_awaiting_task) {
  Loop loop;
  std::string caught;
  loop.run([](std::string& what) -> Task<> {
    try {
      co_await failing();
    } catch (const std::runtime_error& error) {
      what = error.what();
    }
  }(caught));
  EXPECT_EQ(caught, "on purpose");
}

TEST(task, hands_its_exception_on_after_it_was_suspended) {
  Loop loop;
  std::string caught;
  const auto late = [](Loop& on) -> Task<> {
    co_await on.sleep(1ms);
    throw std::runtime_error("late");
  };
  loop.run([](Loop& on, auto& start, std::string& what) -> Task<> {
    try {
      co_await start(on);
    } catch (const std::runtime_error& error) {
      what = error.what();
    }
  }(loop, late, caught));
  EXPECT_EQ(caught, "late");
}

TEST(task, resumes_the_awaiting_task_after_it_was_suspended) {
  Loop loop;
  const auto slowly = [](Loop& on, int value) -> Task<int> {
    co_await on.sleep(1ms);
    co_return value;
  };
  EXPECT_EQ(loop.run([](Loop& on, auto& start) -> Task<int> {
    co_return co_await start(on, 1) + co_await start(on, 2);
  }(loop, slowly)),
            3);
}

TEST(task, destroys_what_it_holds_when_it_is_destroyed_while_it_waits) {
  std::vector<std::string> log;
  Loop loop;
  {
    detail::TaskGroup group(loop.core());
    group.spawn([](Loop& on, std::vector<std::string>& lines) -> Task<> {
      const EndMark outer(lines, "outer");
      co_await sleeping(on, lines, "inner");
    }(loop, log));
    EXPECT_EQ(group.size(), 1U);
  }
  EXPECT_EQ(log, (std::vector<std::string>{"inner started", "end of inner", "end of outer"}));
  loop.turn();
}

TEST(task, is_replaced_by_assignment_and_its_coroutine_destroyed) {
  Task<int> task = number(1);
  task = number(2);
  Loop loop;
  EXPECT_EQ(loop.run(std::move(task)), 2);
}

/// The deepest stack seen so far.
struct Depth {
  char* top = nullptr;
  std::size_t deepest = 0;
  void look() {
    // Not the address of a local variable: a sanitizer may keep that elsewhere.
    auto* now = static_cast<char*>(__builtin_frame_address(0));
    if (top == nullptr) top = now;
    if (now < top) deepest = std::max(deepest, static_cast<std::size_t>(top - now));
  }
};

Task<int> looking(Depth& depth) {
  depth.look();
  co_return 1;
}

TEST(task, needs_no_more_stack_for_a_million_tasks_than_for_one) {
  Loop loop;
  Depth depth;
  const int count = loop.run([](Depth& seen) -> Task<int> {
    int sum = 0;
    for (int i = 0; i < 1'000'000; ++i) sum += co_await looking(seen);
    co_return sum;
  }(depth));
  EXPECT_EQ(count, 1'000'000);
  EXPECT_LT(depth.deepest, 16'384U);
}

TEST(task_group, starts_a_task_at_once_and_drops_it_when_it_ends) {
  Loop loop;
  detail::TaskGroup group(loop.core());
  int runs = 0;
  const auto count = [](int& counter) -> Task<> {
    ++counter;
    co_return;
  };
  group.spawn(count(runs));
  EXPECT_EQ(runs, 1);
  EXPECT_EQ(group.size(), 0U);
}

TEST(task_group, destroys_the_tasks_that_are_left) {
  std::vector<std::string> log;
  Loop loop;
  detail::TaskGroup group(loop.core());
  for (const char* name : {"a", "b", "c"}) group.spawn(sleeping(loop, log, name));
  EXPECT_EQ(group.size(), 3U);
  group.clear();
  EXPECT_EQ(group.size(), 0U);
  EXPECT_EQ(log.size(), 6U);
}

TEST(task_group, keeps_the_first_exception_until_it_is_asked_for) {
  Loop loop;
  detail::TaskGroup group(loop.core());
  group.spawn(failing());
  group.spawn(failing());
  EXPECT_THROW(group.rethrow_failure(), std::runtime_error);
  EXPECT_NO_THROW(group.rethrow_failure());
}

}  // namespace
}  // namespace hallway
