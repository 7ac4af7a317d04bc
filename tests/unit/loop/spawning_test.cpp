// SPDX-License-Identifier: Apache-2.0
//
// Handles of tasks, and what spawn() refuses.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <coroutine>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <hallway/loop.hpp>
#include <hallway/task_handle.hpp>
#include <hallway/when_any.hpp>

#include "support/refusal.hpp"
#include "support/waiting.hpp"

namespace hallway {
namespace {

using namespace test;
using testing::HasSubstr;

Task<> sleep_for(Loop& loop, Duration time) { co_await loop.sleep(time); }

Task<> fail_after(Loop& loop, Duration time) {
  co_await loop.sleep(time);
  throw std::runtime_error("on purpose");
}

Task<> join_into(TaskHandle& handle, std::string& end) {
  try {
    co_await handle.join();
    end = "ended";
  } catch (const std::runtime_error& error) {
    end = error.what();
  }
}

/// An awaitable of another library: it notes nothing, and resumes what waits itself.
struct Foreign {
  std::coroutine_handle<>& waiting;
  bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> coroutine) const noexcept { waiting = coroutine; }
  void await_resume() const noexcept {}
};

Task<> wait_foreign(std::coroutine_handle<>& waiting, std::shared_ptr<int> held) {
  co_await Foreign{waiting};
  ++*held;
}

// Handles -----------------------------------------------------------------------------------------

TEST(task_handle, of_no_task_is_done) {
  TaskHandle handle;
  EXPECT_TRUE(handle.done());
  handle.cancel();
}

TEST(task_handle, is_done_once_the_task_has_ended) {
  Loop loop;
  const TaskHandle handle = loop.spawn(sleep_for(loop, 1ms));
  EXPECT_FALSE(handle.done());
  loop.run();
  EXPECT_TRUE(handle.done());
}

TEST(task_handle, is_done_at_once_when_the_task_never_waits) {
  Loop loop;
  const TaskHandle handle = loop.spawn([]() -> Task<> { co_return; });
  EXPECT_TRUE(handle.done());
}

TEST(task_handle, joins_any_number_of_tasks_with_the_end_of_its_own) {
  Loop loop;
  TaskHandle handle = loop.spawn(sleep_for(loop, 1ms));
  std::string first;
  std::string second;
  loop.spawn(join_into(handle, first));
  loop.spawn(join_into(handle, second));
  EXPECT_EQ(first, "");
  EXPECT_EQ(loop.run(), 0);
  EXPECT_EQ(first, "ended");
  EXPECT_EQ(second, "ended");
}

TEST(task_handle, joins_at_once_when_the_task_has_ended) {
  Loop loop;
  TaskHandle handle = loop.spawn([]() -> Task<> { co_return; });
  std::string end;
  loop.spawn(join_into(handle, end));
  EXPECT_EQ(end, "ended");
}

TEST(task_handle, passes_on_the_exception_to_each_task_that_joins) {
  Loop loop;
  TaskHandle handle = loop.spawn(fail_after(loop, 1ms));
  std::string first;
  std::string second;
  loop.spawn(join_into(handle, first));
  loop.spawn(join_into(handle, second));
  EXPECT_EQ(loop.run(), 0);
  EXPECT_EQ(first, "on purpose");
  EXPECT_EQ(second, "on purpose");
}

TEST(task_handle, leaves_an_exception_that_nobody_waits_for_to_run) {
  Loop loop;
  TaskHandle handle = loop.spawn(fail_after(loop, 1ms));
  EXPECT_THROW(loop.run(), std::runtime_error);
  EXPECT_TRUE(handle.done());
  std::string end;
  loop.spawn(join_into(handle, end));
  EXPECT_EQ(end, "ended");
}

TEST(task_handle, keeps_an_exception_for_a_second_join_when_the_first_was_cancelled) {
  Loop loop;
  TaskHandle handle = loop.spawn(fail_after(loop, 1ms));
  std::string cancelled;
  TaskHandle joining = loop.spawn(join_into(handle, cancelled));
  while (!handle.done()) loop.turn(1ms);
  if (!joining.done()) joining.cancel();
  std::string end;
  loop.spawn(join_into(handle, end));
  EXPECT_EQ(end, "on purpose");
}

TEST(task_handle, cancels_its_task_where_it_waits) {
  Loop loop;
  auto held = std::make_shared<int>(0);
  TaskHandle handle = loop.spawn([&loop, held]() -> Task<> {
    co_await loop.sleep(forever);
    ++*held;
  });
  EXPECT_EQ(held.use_count(), 2);
  handle.cancel();
  EXPECT_TRUE(handle.done());
  EXPECT_EQ(held.use_count(), 1);
  EXPECT_EQ(loop.run(), 0);
  EXPECT_EQ(*held, 0);
}

TEST(task_handle, continues_tasks_that_join_when_it_cancels) {
  Loop loop;
  TaskHandle handle = loop.spawn(sleep_for(loop, forever));
  std::string end;
  loop.spawn(join_into(handle, end));
  handle.cancel();
  EXPECT_EQ(end, "");
  EXPECT_EQ(loop.run(), 0);
  EXPECT_EQ(end, "ended");
}

TEST(task_handle, cancels_a_task_that_is_about_to_continue) {
  Loop loop;
  bool continued = false;
  TaskHandle second;
  loop.spawn([&]() -> Task<> {
    co_await loop.sleep(0ms);
    second.cancel();
  });
  second = loop.spawn([&]() -> Task<> {
    co_await loop.sleep(0ms);
    continued = true;
  });
  EXPECT_EQ(loop.run(), 0);
  EXPECT_FALSE(continued);
}

TEST(task_handle, leaves_its_task_alone_when_it_is_destroyed) {
  Loop loop;
  bool ended = false;
  {
    const TaskHandle handle = loop.spawn([&]() -> Task<> {
      co_await loop.sleep(1ms);
      ended = true;
    });
  }
  EXPECT_EQ(loop.run(), 0);
  EXPECT_TRUE(ended);
}

TEST(task_handle, follows_its_task_when_it_is_moved) {
  Loop loop;
  TaskHandle first = loop.spawn(sleep_for(loop, forever));
  TaskHandle second(std::move(first));
  TaskHandle third;
  third = std::move(second);
  EXPECT_FALSE(third.done());
  third.cancel();
  EXPECT_TRUE(third.done());
  EXPECT_EQ(loop.run(), 0);
}

TEST(task_handle, lets_go_of_its_task_when_it_gets_another) {
  Loop loop;
  bool ended = false;
  TaskHandle handle = loop.spawn([&]() -> Task<> {
    co_await loop.sleep(1ms);
    ended = true;
  });
  handle = loop.spawn(sleep_for(loop, forever));
  handle.cancel();
  EXPECT_EQ(loop.run(), 0);
  EXPECT_TRUE(ended);
}

TEST(task_handle, may_outlive_the_loop) {
  TaskHandle handle;
  {
    Loop loop;
    handle = loop.spawn(sleep_for(loop, forever));
  }
  EXPECT_TRUE(handle.done());
  handle.cancel();
}

TEST(task_handle, is_done_for_what_its_task_destroys) {
  Loop loop;
  TaskHandle handle;
  struct CancelsAgain {
    TaskHandle& handle;
    ~CancelsAgain() { handle.cancel(); }
  };
  handle = loop.spawn([&]() -> Task<> {
    const CancelsAgain again{handle};
    co_await loop.sleep(forever);
  });
  handle.cancel();
  EXPECT_TRUE(handle.done());
}

TEST(task_handle, cancels_a_task_in_an_awaitable_of_another_library) {
  Loop loop;
  std::coroutine_handle<> waiting;
  auto held = std::make_shared<int>(0);
  TaskHandle handle = loop.spawn(wait_foreign(waiting, held));
  loop.run([](Loop& on, TaskHandle& other) -> Task<> {
    co_await on.sleep(0ms);
    other.cancel();
  }(loop, handle));
  EXPECT_TRUE(handle.done());
  EXPECT_EQ(held.use_count(), 1);
}

TEST(task_handle, cancels_a_task_that_joins_the_one_that_cancels_it) {
  Loop loop;
  TaskHandle joined;
  TaskHandle joining;
  joined = loop.spawn([&]() -> Task<> {
    co_await loop.sleep(0ms);
    joining.cancel();
    co_await loop.sleep(0ms);
  });
  joining = loop.spawn([&]() -> Task<> { co_await joined.join(); });
  EXPECT_EQ(loop.run(), 0);
  EXPECT_TRUE(joining.done());
}

// What is spawned ---------------------------------------------------------------------------------

TEST(spawn, keeps_what_a_lambda_has_captured_as_long_as_its_task) {
  Loop loop;
  auto held = std::make_shared<int>(0);
  loop.spawn([&loop, held, text = std::string(100, 'x')]() -> Task<> {
    co_await loop.sleep(1ms);
    *held = static_cast<int>(text.size());
  });
  EXPECT_EQ(held.use_count(), 2);
  EXPECT_EQ(loop.run(), 0);
  EXPECT_EQ(*held, 100);
  EXPECT_EQ(held.use_count(), 1);
}

TEST(spawn, takes_a_lambda_that_can_only_be_moved) {
  Loop loop;
  int got = 0;
  loop.spawn([&, value = std::make_unique<int>(3)]() mutable -> Task<> {
    co_await loop.sleep(1ms);
    got = *value;
  });
  loop.run();
  EXPECT_EQ(got, 3);
}

TEST(spawn, refuses_the_task_of_a_lambda_with_captures) {
  EXPECT_THAT(refusal_of([] {
                Loop loop;
                int value = 1;
                loop.spawn([value, &loop]() -> Task<> {
                  co_await loop.sleep(1ms);
                  std::printf("%d", value);
                }());
              }),
              testing::AllOf(HasSubstr("spawning_test.cpp:"),
                             HasSubstr("pass the lambda itself, without () behind it")));
}

TEST(spawn, takes_the_task_of_a_lambda_without_captures) {
  Loop loop;
  int got = 0;
  loop.spawn([](Loop& on, int& result) -> Task<> {
    co_await on.sleep(1ms);
    result = 1;
  }(loop, got));
  loop.run();
  EXPECT_EQ(got, 1);
}

// Running and waiting -----------------------------------------------------------------------------

constexpr const char* cannot_cancel_itself = "cannot cancel itself";

TEST(task_handle, refuses_that_a_task_cancels_itself) {
  EXPECT_THAT(refusal_of([] {
                Loop loop;
                TaskHandle handle;
                handle = loop.spawn([&]() -> Task<> {
                  co_await loop.sleep(1ms);
                  handle.cancel();
                });
                loop.run();
              }),
              HasSubstr(cannot_cancel_itself));
}

TEST(task_handle, refuses_that_a_task_cancels_itself_before_it_first_waits) {
  EXPECT_THAT(refusal_of([] {
                Loop loop;
                std::optional<TaskHandle> outer;
                loop.spawn([&]() -> Task<> {
                  co_await loop.sleep(0ms);
                  outer = loop.spawn([&]() -> Task<> {
                    // The handle is not known yet: another task uses it once it is.
                    co_await loop.sleep(0ms);
                    loop.spawn([&]() -> Task<> {
                      outer->cancel();
                      co_return;
                    });
                  });
                });
                loop.run();
              }),
              HasSubstr(cannot_cancel_itself));
}

Task<> cancel_after(Loop& loop, TaskHandle& handle, Duration time) {
  co_await loop.sleep(time);
  handle.cancel();
}

TEST(task_handle, refuses_that_a_task_is_cancelled_by_one_that_it_awaits) {
  EXPECT_THAT(refusal_of([] {
                Loop loop;
                TaskHandle handle;
                handle = loop.spawn([&]() -> Task<> { co_await cancel_after(loop, handle, 1ms); });
                loop.run();
              }),
              HasSubstr(cannot_cancel_itself));
}

TEST(task_handle, refuses_that_a_task_is_cancelled_in_its_own_race) {
  EXPECT_THAT(refusal_of([] {
                Loop loop;
                TaskHandle handle;
                handle = loop.spawn([&]() -> Task<> {
                  co_await when_any(loop.sleep(forever), cancel_after(loop, handle, 1ms));
                });
                loop.run();
              }),
              HasSubstr(cannot_cancel_itself));
  EXPECT_THAT(refusal_of([] {
                Loop loop;
                TaskHandle handle;
                handle = loop.spawn([&]() -> Task<> {
                  co_await with_timeout(cancel_after(loop, handle, 1ms), 10s);
                });
                loop.run();
              }),
              HasSubstr(cannot_cancel_itself));
}

TEST(task_handle, refuses_that_a_task_cancels_itself_behind_one_that_it_awaited) {
  EXPECT_THAT(refusal_of([] {
                Loop loop;
                TaskHandle handle;
                handle = loop.spawn([&]() -> Task<> {
                  co_await sleep_for(loop, 1ms);
                  handle.cancel();
                });
                loop.run();
              }),
              HasSubstr(cannot_cancel_itself));
}

TEST(task_handle, refuses_that_a_task_cancels_itself_behind_its_race) {
  EXPECT_THAT(refusal_of([] {
                Loop loop;
                TaskHandle handle;
                handle = loop.spawn([&]() -> Task<> {
                  co_await when_any(sleep_for(loop, 1ms), loop.sleep(forever));
                  handle.cancel();
                });
                loop.run();
              }),
              HasSubstr(cannot_cancel_itself));
}

}  // namespace
}  // namespace hallway
