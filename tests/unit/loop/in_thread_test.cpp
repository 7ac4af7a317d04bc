// SPDX-License-Identifier: Apache-2.0
#include <hallway/in_thread.hpp>

#include <gtest/gtest.h>

#include <pthread.h>

#include <atomic>
#include <cerrno>
#include <csignal>
#include <memory>
#include <optional>
#include <semaphore>
#include <stdexcept>
#include <string>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include <hallway/limits.hpp>
#include <hallway/loop.hpp>
#include <hallway/task_handle.hpp>
#include <hallway/when_any.hpp>

#include "support/faults.hpp"
#include "support/processes.hpp"
#include "support/waiting.hpp"
#include "support/watchdog.hpp"

namespace hallway {
namespace {

using namespace test;

TEST(in_thread, gives_the_value_of_a_function_that_another_thread_runs) {
  Loop loop;
  const auto loops_thread = std::this_thread::get_id();
  std::thread::id other;
  loop.run([](std::thread::id& id) -> Task<> {
    id = co_await in_thread([] { return std::this_thread::get_id(); });
  }(other));
  EXPECT_NE(other, std::thread::id());
  EXPECT_NE(other, loops_thread);
}

TEST(in_thread, waits_for_a_function_without_a_value) {
  Loop loop;
  std::atomic<bool> ran = false;
  loop.run([](std::atomic<bool>& flag) -> Task<> {
    co_await in_thread([&flag] { flag = true; });
    EXPECT_TRUE(flag);
  }(ran));
}

TEST(in_thread, rethrows_what_the_function_throws) {
  Loop loop;
  std::string caught;
  loop.run([](std::string& what) -> Task<> {
    try {
      co_await in_thread([] { throw std::runtime_error("on purpose"); });
    } catch (const std::runtime_error& error) {
      what = error.what();
    }
  }(caught));
  EXPECT_EQ(caught, "on purpose");
}

TEST(in_thread, gives_a_value_that_can_only_be_moved) {
  Loop loop;
  loop.run([]() -> Task<> {
    const auto box = co_await in_thread([] { return std::make_unique<int>(3); });
    EXPECT_EQ(*box, 3);
  }());
}

#if !HALLWAY_GCC12_COROUTINES
TEST(in_thread, takes_a_function_that_can_only_be_moved) {
  Loop loop;
  loop.run([]() -> Task<> {
    const int value = co_await in_thread([box = std::make_unique<int>(3)] { return *box; });
    EXPECT_EQ(value, 3);
  }());
}
#endif

TEST(in_thread, keeps_what_the_function_has_captured_no_longer_than_until_it_continues) {
  Loop loop;
  auto held = std::make_shared<int>(1);
  loop.run([](std::shared_ptr<int>& mine) -> Task<> {
    auto work = [copy = mine] { return *copy; };
    const int value = co_await in_thread(work);
    EXPECT_EQ(value, 1);
    EXPECT_EQ(mine.use_count(), 2);
  }(held));
  EXPECT_EQ(held.use_count(), 1);
}

TEST(in_thread, lets_the_loop_go_on) {
  Loop loop;
  std::binary_semaphore go_on(0);
  bool done = false;
  loop.spawn([&]() -> Task<> {
    auto work = [&go_on] { go_on.acquire(); };
    co_await in_thread(work);
    done = true;
  });
  loop.run([](Loop& on) -> Task<> { co_await on.sleep(1ms); }(loop));
  EXPECT_FALSE(done);
  go_on.release();
  EXPECT_EQ(loop.run(), 0);
  EXPECT_TRUE(done);
}

TEST(in_thread, works_in_a_task_that_is_spawned_before_the_loop_runs) {
  Loop loop;
  int got = 0;
  loop.spawn([&]() -> Task<> { got = co_await in_thread([] { return 1; }); });
  EXPECT_EQ(loop.run(), 0);
  EXPECT_EQ(got, 1);
}

TEST(in_thread, blocks_all_signals_in_its_thread) {
  Loop loop;
  const bool blocked = loop.run([]() -> Task<bool> {
    const bool result = co_await in_thread([] {
      sigset_t mask;
      pthread_sigmask(SIG_SETMASK, nullptr, &mask);
      return sigismember(&mask, SIGTERM) == 1 && sigismember(&mask, SIGUSR1) == 1;
    });
    co_return result;
  }());
  EXPECT_TRUE(blocked);
}

TEST(in_thread, leaves_the_function_alone_when_its_task_is_cancelled) {
  Loop loop;
  std::binary_semaphore go_on(0);
  std::binary_semaphore ended(0);
  TaskHandle handle = loop.spawn([&]() -> Task<> {
    auto work = [&go_on, &ended] {
      go_on.acquire();
      ended.release();
    };
    co_await in_thread(work);
  });
  handle.cancel();
  EXPECT_EQ(loop.run(), 0);
  go_on.release();
  ended.acquire();
}

TEST(in_thread, leaves_the_function_alone_when_time_is_up) {
  Loop loop;
  std::binary_semaphore go_on(0);
  std::binary_semaphore ended(0);
  loop.run([](std::binary_semaphore& start, std::binary_semaphore& end) -> Task<> {
    auto work = [&start, &end] {
      start.acquire();
      end.release();
      return 1;
    };
    const auto late = co_await with_timeout(in_thread(work), 1ms);
    EXPECT_FALSE(late);
  }(go_on, ended));
  go_on.release();
  ended.acquire();
}

TEST(in_thread, has_a_thread_that_may_outlast_the_loop) {
  std::binary_semaphore go_on(0);
  std::binary_semaphore ended(0);
  {
    Loop loop;
    loop.spawn([&]() -> Task<> {
      auto work = [&go_on, &ended] {
        go_on.acquire();
        ended.release();
      };
      co_await in_thread(work);
    });
  }
  go_on.release();
  ended.acquire();
}

TEST(in_thread, ends_its_loop_while_its_threads_finish) {
  for (int i = 0; i < 200; ++i) {
    Loop loop;
    for (int k = 0; k < 4; ++k) loop.spawn([]() -> Task<> { co_await in_thread([] {}); });
    if (i % 2 == 0) loop.turn();
  }
}

TEST(in_thread, counts_as_work_while_the_loop_drains) {
  Loop loop;
  bool done = false;
  loop.spawn([&]() -> Task<> {
    co_await in_thread([] { work_for(20ms); });
    done = true;
  });
  loop.drain(patience);
  EXPECT_EQ(loop.run(), 0);
  EXPECT_TRUE(done);
}

TEST(in_thread, works_in_a_forked_child) {
  if (thread_sanitized) GTEST_SKIP() << "it starts no thread in a child of a process with threads";
  const auto add = [](Loop& on) { return on.run(in_thread([] { return 1 + 1; })); };
  EXPECT_EQ(in_a_child([&]() -> std::string {
              Loop loop;
              if (add(loop) != 2) return "wrong in the parent";
              return in_a_child([&]() -> std::string {  // the pool of its parent has an idle thread
                Loop childs;
                return add(childs) == 2 ? "" : "wrong in the child";
              });
            }),
            "");
}

TEST(in_thread, runs_a_bounded_number_of_functions_at_once) {
  // In a child: the threads of the pool outlast the test.
  EXPECT_EQ(in_a_child([] {
              Loop loop;
              std::atomic<std::size_t> running = 0;
              std::counting_semaphore<1000> go_on(0);
              std::size_t done = 0;
              constexpr std::size_t count = bounds::blocking_threads + 10;
              for (std::size_t i = 0; i < count; ++i) {
                loop.spawn([&]() -> Task<> {
                  auto work = [&running, &go_on] {
                    ++running;
                    go_on.acquire();
                  };
                  co_await in_thread(work);
                  ++done;
                });
              }
              if (!run_until(loop, [&] { return running == bounds::blocking_threads; }))
                return std::string("too few");
              run_until(loop, [&] { return running > bounds::blocking_threads; }, 50ms);
              const std::size_t at_once = running;
              go_on.release(count);
              if (loop.run() != 0 || done != count) return std::string("not all done");
              return std::to_string(at_once);
            }),
            std::to_string(bounds::blocking_threads));
}

TEST(in_thread, throws_when_there_is_no_thread_and_none_can_be_started) {
  // In a child: a thread of an earlier test would do the work.
  EXPECT_EQ(in_a_child([] {
              Loop loop;
              std::string end;
              {
                const FaultOn fault(sys::Call::thread, 1, EAGAIN);
                loop.run([](std::string& what) -> Task<> {
                  try {
                    co_await in_thread([] {});
                  } catch (const std::system_error& error) {
                    what =
                        error.code() == std::errc::resource_unavailable_try_again ? "again" : "?";
                  }
                }(end));
              }
              const int value =
                  loop.run([]() -> Task<int> { co_return co_await in_thread([] { return 1; }); }());
              return end + " " + std::to_string(value);
            }),
            "again 1");
}

TEST(in_thread, leaves_work_to_another_thread_when_none_can_be_started) {
  EXPECT_EQ(in_a_child([] {
              Loop loop;
              std::binary_semaphore go_on(0);
              std::string done;
              loop.spawn([&]() -> Task<> {
                auto work = [&go_on] { go_on.acquire(); };
                co_await in_thread(work);
                done += "first ";
              });
              const FaultOn fault(sys::Call::thread, 1, EAGAIN);
              loop.spawn([&]() -> Task<> {
                co_await in_thread([] {});
                done += "second";
              });
              go_on.release();
              loop.run();
              return done;
            }),
            "first second");
}

}  // namespace
}  // namespace hallway
