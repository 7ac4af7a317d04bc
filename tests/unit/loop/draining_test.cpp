// SPDX-License-Identifier: Apache-2.0
//
// What waits when a drain begins, and what a drain cannot end.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <functional>
#include <memory>
#include <optional>
#include <semaphore>
#include <string>
#include <utility>
#include <vector>

#include <hallway/channel.hpp>
#include <hallway/datagram_socket.hpp>
#include <hallway/event.hpp>
#include <hallway/in_thread.hpp>
#include <hallway/loop.hpp>
#include <hallway/semaphore.hpp>
#include <hallway/task_scope.hpp>
#include <hallway/when_any.hpp>

#include "support/processes.hpp"
#include "support/raw_socket.hpp"
#include "support/serving.hpp"
#include "support/temp_directory.hpp"
#include "support/waiting.hpp"

namespace hallway {
namespace {

using namespace test;
using testing::HasSubstr;

/// Runs a loop that drains from its first turn on. Returns its status; -1 if that took long.
int run_drained(Loop& loop) {
  loop.post([&loop] { loop.drain(patience); });
  const auto start = Loop::Clock::now();
  const int status = loop.run();
  return Loop::Clock::now() - start < patience / 2 ? status : -1;
}

TEST(drain, ends_a_sleep_with_closed) {
  Loop loop;
  std::optional<Outcome> outcome;
  loop.spawn([&]() -> Task<> { outcome = co_await loop.sleep(forever); });
  EXPECT_EQ(run_drained(loop), 0);
  EXPECT_EQ(outcome, Outcome::closed);
}

TEST(drain, leaves_a_sleep_that_was_over_its_ok) {
  Loop loop;
  std::optional<Outcome> outcome;
  loop.spawn([&]() -> Task<> { outcome = co_await loop.sleep(1ms); });
  EXPECT_EQ(loop.run(), 0);
  EXPECT_EQ(outcome, Outcome::ok);
}

TEST(drain, makes_a_sleep_that_begins_later_last_its_time_and_give_closed) {
  Loop loop;
  loop.drain(patience);
  const auto start = Loop::Clock::now();
  const Outcome outcome =
      loop.run([](Loop& on) -> Task<Outcome> { co_return co_await on.sleep(5ms); }(loop));
  EXPECT_EQ(outcome, Outcome::closed);
  EXPECT_GE(Loop::Clock::now() - start, 5ms);
}

TEST(drain, ends_a_wait_for_an_event_with_closed) {
  Loop loop;
  Event event(loop);
  std::optional<Outcome> outcome;
  loop.spawn([&]() -> Task<> { outcome = co_await event.wait(); });
  EXPECT_EQ(run_drained(loop), 0);
  EXPECT_EQ(outcome, Outcome::closed);
}

TEST(drain, ends_waits_for_a_channel_with_closed) {
  Loop loop;
  Channel<int> empty(loop, 1);
  Channel<int> full(loop, 1);
  EXPECT_EQ(full.try_send(1), Outcome::ok);
  std::optional<Outcome> received;
  std::optional<Outcome> sent;
  loop.spawn([&]() -> Task<> { received = (co_await empty.receive()).error(); });
  loop.spawn([&]() -> Task<> { sent = co_await full.send(2); });
  EXPECT_EQ(run_drained(loop), 0);
  EXPECT_EQ(received, Outcome::closed);
  EXPECT_EQ(sent, Outcome::closed);
}

TEST(drain, lets_a_channel_pass_on_what_it_has) {
  Loop loop;
  Channel<int> channel(loop, 2);
  std::vector<int> got;
  loop.drain(patience);
  for (const int value : {1, 2}) EXPECT_EQ(channel.try_send(value), Outcome::ok);
  loop.spawn([&]() -> Task<> {
    while (auto value = co_await channel.receive()) got.push_back(*value);
  });
  EXPECT_EQ(loop.run(), 0);
  EXPECT_EQ(got, (std::vector{1, 2}));
}

TEST(drain, ends_a_receive_of_a_datagram_socket) {
  Loop loop;
  const TempDirectory directory;
  auto socket = DatagramSocket::bind(loop, directory / "s");
  ASSERT_TRUE(socket);
  std::error_code code;
  loop.spawn([&]() -> Task<> { code = (co_await socket->receive()).error().code; });
  EXPECT_EQ(run_drained(loop), 0);
  EXPECT_EQ(code, std::errc::operation_canceled);
}

TEST(drain, does_not_wait_for_a_periodic_task_that_never_looks) {
  Loop loop;
  auto held = std::make_shared<int>(0);
  loop.spawn([&loop, held]() -> Task<> {
    for (;;) co_await loop.sleep(200ms);
  });
  EXPECT_EQ(run_drained(loop), 0);
  EXPECT_EQ(held.use_count(), 2) << "it is destroyed with the loop";
}

Task<> tick_for_ever(Loop& loop) {
  for (;;) co_await loop.sleep(200ms);
}

TEST(drain, does_not_wait_for_tasks_that_only_wait_for_periodic_ones) {
  Loop loop;
  loop.spawn([&]() -> Task<> { co_await tick_for_ever(loop); });
  loop.spawn([&]() -> Task<> {
    TaskScope scope(loop);
    scope.spawn(tick_for_ever(loop));
    co_await scope.join();
  });
  loop.spawn([&]() -> Task<> { co_await when_any(tick_for_ever(loop), tick_for_ever(loop)); });
  EXPECT_EQ(run_drained(loop), 0);
}

TEST(drain, does_not_wait_for_a_descriptor_that_is_not_ready) {
  Loop loop;
  auto [near, far] = raw_pair(SOCK_STREAM);
  loop.spawn([](Loop& on, int descriptor) -> Task<> { co_await on.readable(descriptor); }(
                                              loop, near.get()));
  EXPECT_EQ(run_drained(loop), 0);
}

TEST(drain, is_over_also_when_a_task_joins_the_scope_it_belongs_to) {
  Loop loop({.on_drain_cut = [](const auto&) {}});
  TaskScope scope(loop);
  scope.spawn([&]() -> Task<> { co_await scope.join(); });
  loop.spawn([&]() -> Task<> { co_await scope.join(); });
  loop.drain(20ms);
  EXPECT_EQ(loop.run(), 1);
}

TEST(drain, ends_the_scope_of_a_task_that_looks) {
  Loop loop;
  bool child_ended = false;
  loop.spawn([&]() -> Task<> {
    TaskScope scope(loop);
    scope.spawn([&]() -> Task<> {
      while (co_await loop.sleep(1s) == Outcome::ok) {
      }
      child_ended = true;
    });
    co_await scope.join();
  });
  EXPECT_EQ(run_drained(loop), 0);
  EXPECT_TRUE(child_ended);
}

TEST(drain, waits_for_what_is_under_way) {
  Loop loop;
  Semaphore semaphore(loop, 1);
  std::vector<std::string> log;
  loop.spawn([&]() -> Task<> {
    const auto permit = co_await semaphore.acquire();
    co_await in_thread([] { work_for(10ms); });
    log.emplace_back("thread");
  });
  loop.spawn([&]() -> Task<> {
    const auto permit = co_await semaphore.acquire();
    log.emplace_back("permit");
  });
  EXPECT_EQ(run_drained(loop), 0);
  EXPECT_EQ(log, (std::vector<std::string>{"thread", "permit"}));
}

TEST(drain, turns_although_a_task_waits_again_and_again) {
  for (const int kind : {0, 1, 2}) {
    Loop loop({.on_drain_cut = [](const auto&) {}});
    Event event(loop);
    Channel<int> channel(loop, 1);
    const TempDirectory directory;
    auto socket = DatagramSocket::bind(loop, directory / "s");
    ASSERT_TRUE(socket);
    loop.spawn([&, kind]() -> Task<> {
      for (;;) {
        if (kind == 0) co_await event.wait();
        if (kind == 1) co_await channel.receive();
        if (kind == 2) co_await socket->receive();
      }
    });
    loop.drain(20ms);
    EXPECT_EQ(loop.run(), 1);
  }
}

TEST(drain, ends_every_kind_of_wait_at_once) {
  Loop loop;
  Event event(loop);
  Channel<int> channel(loop, 1);
  const TempDirectory directory;
  auto socket = DatagramSocket::bind(loop, directory / "s");
  ASSERT_TRUE(socket);
  loop.spawn([&]() -> Task<> {
    while (co_await loop.sleep(1s) == Outcome::ok) {
    }
  });
  loop.spawn([&]() -> Task<> { co_await event.wait(); });
  loop.spawn([&]() -> Task<> { co_await channel.receive(); });
  loop.spawn([&]() -> Task<> {
    while (co_await socket->receive()) {
    }
  });
  loop.spawn(
      [&]() -> Task<> { co_await when_any(event.wait(), channel.receive(), loop.sleep(forever)); });
  EXPECT_EQ(run_drained(loop), 0);
}

class drained_server : public Serving {};

TEST_F(drained_server, does_not_wait_for_a_handler_that_sleeps_in_a_scope) {
  open([this](Connection connection) -> Task<> {
    TaskScope scope(loop);
    scope.spawn([&]() -> Task<> {
      while (co_await loop.sleep(1s) == Outcome::ok) (void)connection.try_send("still here");
    });
    while (auto message = co_await connection.receive()) co_await connection.send(*message);
  });
  RawStream client = connect();
  ASSERT_TRUE(until_connections(1));
  EXPECT_EQ(run_drained(loop), 0);
}

// When time is up ---------------------------------------------------------------------------------

/// By the end of its name: a test of this library is in its namespace.
std::vector<std::string> names(const std::vector<WaitingTask>& tasks) {
  std::vector<std::string> list;
  for (const WaitingTask& task : tasks) {
    list.push_back(task.function.substr(task.function.rfind(':') + 1));
    EXPECT_THAT(task.file, testing::EndsWith("draining_test.cpp"));
    EXPECT_GT(task.line, 0U);
    EXPECT_EQ(task.to_string(),
              task.function + " (" + task.file + ":" + std::to_string(task.line) + ")");
  }
  return list;
}

}  // namespace
}  // namespace hallway

// A program is not in the library's namespace.
namespace program {
namespace {

hallway::Task<> wait_for_a_permit(hallway::Semaphore& semaphore) {
  auto permit = co_await semaphore.acquire();
}
hallway::Task<> serve(hallway::Semaphore& semaphore) { co_await wait_for_a_permit(semaphore); }
/// Shared with threads that outlive the loop.
using GoOn = std::shared_ptr<std::counting_semaphore<2>>;

hallway::Task<> wait_for_a_thread(GoOn go_on) {
  auto work = [go_on] { go_on->acquire(); };
  co_await hallway::in_thread(work);
}
hallway::Task<> race(hallway::Semaphore& semaphore, GoOn go_on) {
  co_await hallway::when_any(semaphore.acquire(), wait_for_a_thread(go_on));
}
hallway::Task<> join_all(hallway::Loop& loop, hallway::Semaphore& semaphore) {
  hallway::TaskScope scope(loop);
  scope.spawn(wait_for_a_permit(semaphore));
  co_await scope.join();
}

}  // namespace
}  // namespace program

namespace hallway {
namespace {

TEST(drain, names_the_tasks_that_did_not_end) {
  std::vector<std::string> left;
  {
    const auto go_on = std::make_shared<std::counting_semaphore<2>>(0);
    Loop loop(
        {.on_drain_cut = [&](const std::vector<WaitingTask>& tasks) { left = names(tasks); }});
    Semaphore semaphore(loop, 0);
    loop.spawn(program::serve(semaphore));
    loop.spawn(program::wait_for_a_thread(go_on));
    loop.spawn(program::race(semaphore, go_on));
    loop.spawn(program::join_all(loop, semaphore));
    loop.spawn([&]() -> Task<> { co_await loop.sleep(1s); });
    loop.drain(20ms);
    EXPECT_EQ(loop.run(), 1);
    go_on->release(2);
  }
  EXPECT_THAT(left, testing::UnorderedElementsAre("wait_for_a_permit", "wait_for_a_thread", "race",
                                                  "wait_for_a_permit"));
}

TEST(drain, names_no_task_that_could_go_on_when_time_was_up) {
  std::vector<std::string> left;
  Loop loop({.on_drain_cut = [&](const std::vector<WaitingTask>& tasks) { left = names(tasks); }});
  Semaphore semaphore(loop, 0);
  loop.spawn(program::serve(semaphore));
  loop.spawn([&]() -> Task<> { co_await loop.sleep(1s); });
  loop.drain(0s);
  EXPECT_EQ(loop.run(), 1);
  EXPECT_THAT(left, testing::ElementsAre("wait_for_a_permit"));
}

TEST(drain, prints_the_tasks_that_did_not_end_on_stderr) {
  const Descriptor printed = Descriptor::adopt(::memfd_create("stderr", MFD_CLOEXEC));
  const std::string end = in_a_child([&] {
    ::dup2(printed.get(), STDERR_FILENO);
    Loop loop;
    Semaphore semaphore(loop, 0);
    loop.spawn(program::serve(semaphore));
    loop.drain(20ms);
    return std::to_string(loop.run());
  });
  EXPECT_EQ(end, "1");
  std::array<char, 4096> text;
  const ssize_t size = ::pread(printed.get(), text.data(), text.size(), 0);
  ASSERT_GT(size, 0);
  const std::string line(text.data(), static_cast<std::size_t>(size));
  EXPECT_THAT(line, HasSubstr("not ended 0.02 s after draining began: "));
  EXPECT_THAT(line, HasSubstr("wait_for_a_permit ("));
  EXPECT_THAT(line, HasSubstr("draining_test.cpp:"));
}

TEST(drain, names_nothing_when_everything_ends_in_time) {
  bool named = false;
  Loop loop({.on_drain_cut = [&](const auto&) { named = true; }});
  loop.spawn([&]() -> Task<> { co_await loop.sleep(forever); });
  EXPECT_EQ(run_drained(loop), 0);
  EXPECT_FALSE(named);
}

}  // namespace
}  // namespace hallway
