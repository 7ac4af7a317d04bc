// SPDX-License-Identifier: Apache-2.0
#include <hallway/when_any.hpp>

#include <gtest/gtest.h>

#include <expected>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include <hallway/connection.hpp>
#include <hallway/event.hpp>
#include <hallway/loop.hpp>
#include <hallway/semaphore.hpp>
#include <hallway/task_handle.hpp>
#include <hallway/task_scope.hpp>

#include "support/waiting.hpp"
#include "unit/loop/mark.hpp"

namespace hallway {
namespace {

using namespace test;

Task<int> number_after(Loop& loop, Duration time, int number) {
  co_await loop.sleep(time);
  co_return number;
}

Task<int> number_at_once(int number, int& begun) {
  ++begun;
  co_return number;
}

Task<std::unique_ptr<int>> boxed_after(Loop& loop, Duration time) {
  co_await loop.sleep(time);
  co_return std::make_unique<int>(4);
}

Task<> nothing_after(Loop& loop, Duration time) { co_await loop.sleep(time); }

Task<int> throw_after(Loop& loop, Duration time) {
  co_await loop.sleep(time);
  throw std::runtime_error("on purpose");
}

TEST(when_any, gives_the_value_of_the_first_at_its_index) {
  Loop loop;
  loop.run([](Loop& on) -> Task<> {
    auto first =
        co_await when_any(number_after(on, 1ms, 7), on.sleep(forever), boxed_after(on, forever));
    static_assert(
        std::is_same_v<decltype(first), std::variant<int, Outcome, std::unique_ptr<int>>>);
    EXPECT_EQ(first.index(), 0U);
    EXPECT_EQ(std::get<0>(first), 7);
    first =
        co_await when_any(number_after(on, forever, 7), on.sleep(1ms), boxed_after(on, forever));
    EXPECT_EQ(first.index(), 1U);
    EXPECT_EQ(std::get<1>(first), Outcome::ok);
    first =
        co_await when_any(number_after(on, forever, 7), on.sleep(forever), boxed_after(on, 1ms));
    EXPECT_EQ(first.index(), 2U);
    EXPECT_EQ(*std::get<2>(first), 4);
  }(loop));
}

TEST(when_any, gives_monostate_for_void) {
  Loop loop;
  loop.run([](Loop& on) -> Task<> {
    const auto first = co_await when_any(on.sleep(forever), nothing_after(on, 1ms));
    static_assert(std::is_same_v<decltype(first), const std::variant<Outcome, std::monostate>>);
    EXPECT_EQ(first.index(), 1U);
  }(loop));
}

TEST(when_any, takes_a_single_awaitable) {
  Loop loop;
  loop.run([](Loop& on) -> Task<> {
    const auto first = co_await when_any(number_after(on, 1ms, 7));
    EXPECT_EQ(std::get<0>(first), 7);
  }(loop));
}

TEST(when_any, takes_tasks_that_have_a_name) {
  Loop loop;
  loop.run([](Loop& on) -> Task<> {
    auto task = number_after(on, 1ms, 7);
    const auto first = co_await when_any(std::move(task), on.sleep(forever));
    EXPECT_EQ(first.index(), 0U);
  }(loop));
}

TEST(when_any, ends_a_task_with_a_name_that_loses) {
  Loop loop;
  loop.run([](Loop& on) -> Task<> {
    auto task = number_after(on, 5ms, 7);
    const auto first = co_await when_any(std::move(task), on.sleep(1ms));
    EXPECT_EQ(first.index(), 1U);
    co_await on.sleep(10ms);  // it would continue here, into the race that is gone
  }(loop));
}

TEST(when_any, rethrows_the_exception_of_the_first) {
  Loop loop;
  std::string caught;
  loop.run([](Loop& on, std::string& what) -> Task<> {
    try {
      co_await when_any(on.sleep(forever), throw_after(on, 1ms));
    } catch (const std::runtime_error& error) {
      what = error.what();
    }
  }(loop, caught));
  EXPECT_EQ(caught, "on purpose");
}

TEST(when_any, does_not_begin_what_follows_one_that_completes_at_once) {
  Loop loop;
  int begun = 0;
  loop.run([](Loop& on, int& count) -> Task<> {
    const auto first =
        co_await when_any(on.sleep(forever), number_at_once(1, count), number_at_once(2, count));
    EXPECT_EQ(first.index(), 1U);
  }(loop, begun));
  EXPECT_EQ(begun, 1);
}

TEST(when_any, cancels_the_others_before_it_continues) {
  Loop loop;
  std::vector<std::string> log;
  loop.run([](Loop& on, std::vector<std::string>& lines) -> Task<> {
    co_await when_any(hold(on, lines, "a"), on.sleep(1ms), hold(on, lines, "b"));
    lines.emplace_back("continued");
  }(loop, log));
  EXPECT_EQ(log, (std::vector<std::string>{"b", "a", "continued"}));
}

TEST(when_any, ends_its_waits_when_its_task_is_cancelled) {
  Loop loop;
  std::vector<std::string> log;
  TaskHandle handle = loop.spawn([&]() -> Task<> {
    const Mark mark(log, "parent");
    co_await when_any(hold(loop, log, "a"), hold(loop, log, "b"));
  });
  handle.cancel();
  EXPECT_EQ(log, (std::vector<std::string>{"b", "a", "parent"}));
  EXPECT_EQ(loop.run(), 0);
}

TEST(when_any, ends_its_waits_when_its_task_is_cancelled_by_what_is_about_to_complete) {
  Loop loop;
  Event one(loop);
  bool continued = false;
  TaskHandle handle = loop.spawn([&]() -> Task<> {
    co_await when_any(one.wait(), loop.sleep(forever));
    continued = true;
  });
  one.set();
  handle.cancel();
  EXPECT_EQ(loop.run(), 0);
  EXPECT_FALSE(continued);
}

TEST(when_any, gives_the_one_that_became_ready_first_in_a_turn) {
  Loop loop;
  Event one(loop);
  Event two(loop);
  std::optional<std::size_t> index;
  loop.spawn([&]() -> Task<> { index = (co_await when_any(one.wait(), two.wait())).index(); });
  two.set();
  one.set();
  EXPECT_EQ(loop.run(), 0);
  EXPECT_EQ(index, 1U);
}

TEST(when_any, can_be_nested) {
  Loop loop;
  loop.run([](Loop& on) -> Task<> {
    const auto first =
        co_await when_any(when_any(on.sleep(forever), number_after(on, 1ms, 7)), on.sleep(forever));
    EXPECT_EQ(first.index(), 0U);
    EXPECT_EQ(std::get<1>(std::get<0>(first)), 7);
    const auto timed =
        co_await when_any(with_timeout(number_after(on, forever, 7), 1ms), on.sleep(forever));
    EXPECT_EQ(timed.index(), 0U);
    EXPECT_FALSE(std::get<0>(timed));
  }(loop));
}

TEST(when_any, waits_for_handles_scopes_and_permits) {
  Loop loop;
  loop.run([](Loop& on) -> Task<> {
    TaskScope scope(on);
    TaskHandle handle = scope.spawn(nothing_after(on, forever));
    Semaphore semaphore(on, 0);
    auto first = co_await when_any(handle.join(), scope.join(), semaphore.acquire(), on.sleep(1ms));
    EXPECT_EQ(first.index(), 3U);
    handle.cancel();
    const auto again = co_await when_any(handle.join(), scope.join());
    EXPECT_EQ(again.index(), 0U);
    EXPECT_EQ(semaphore.free(), 0U);
  }(loop));
}

TEST(when_any, in_a_loop_leaves_nothing_behind) {
  Loop loop;
  Event never(loop);
  loop.run([](Loop& on, Event& event) -> Task<> {
    for (int i = 0; i < 1000; ++i) {
      const auto first = co_await when_any(event.wait(), on.sleep(0ms));
      EXPECT_EQ(first.index(), 1U);
    }
  }(loop, never));
}

// Messages ----------------------------------------------------------------------------------------

class when_any_of_messages : public testing::Test {
 protected:
  void SetUp() override {
    auto made = Connection::pair(loop);
    ASSERT_TRUE(made);
    near.emplace(std::move(made->first));
    far.emplace(std::move(made->second));
  }

  Loop loop;
  std::optional<Connection> near;
  std::optional<Connection> far;
};

TEST_F(when_any_of_messages, gives_the_message_that_arrives) {
  EXPECT_TRUE(far->try_send("hello"));
  loop.run([](Loop& on, Connection& from) -> Task<> {
    auto first = co_await when_any(on.sleep(patience), from.receive());
    EXPECT_EQ(first.index(), 1U);
    EXPECT_EQ(std::get<1>(first)->bytes(), "hello");
  }(loop, *near));
}

TEST_F(when_any_of_messages, leaves_a_message_to_be_received_when_another_is_first) {
  Event event(loop);
  std::optional<std::size_t> index;
  loop.spawn(
      [&]() -> Task<> { index = (co_await when_any(event.wait(), near->receive())).index(); });
  loop.turn();
  EXPECT_TRUE(far->try_send("hello"));
  event.set();  // continues in the turn that writes the message, or the next, which reads it
  EXPECT_TRUE(run_until(loop, [&] { return index.has_value(); }));
  EXPECT_EQ(index, 0U);
  loop.run([](Connection& from) -> Task<> {
    const auto message = co_await from.receive(patience);
    EXPECT_EQ(message.outcome(), Outcome::ok);
    EXPECT_EQ(message->bytes(), "hello");
  }(*near));
}

TEST_F(when_any_of_messages, leaves_a_message_whose_task_was_about_to_continue) {
  Event event(loop);
  std::optional<std::size_t> index;
  loop.spawn(
      [&]() -> Task<> { index = (co_await when_any(event.wait(), near->receive())).index(); });
  loop.turn();
  EXPECT_TRUE(far->try_send("hello"));
  loop.turn();  // writes it
  event.set();  // is the first to be scheduled; the receive is the second, in the same turn
  EXPECT_TRUE(run_until(loop, [&] { return index.has_value(); }));
  EXPECT_EQ(index, 0U);
  loop.run([](Connection& from) -> Task<> {
    const auto message = co_await from.receive(patience);
    EXPECT_EQ(message->bytes(), "hello");
  }(*near));
}

TEST_F(when_any_of_messages, receives_one_after_the_other_in_a_loop) {
  loop.run([](Loop& on, Connection& from, Connection& to) -> Task<> {
    for (int i = 0; i < 100; ++i) {
      EXPECT_TRUE(to.try_send(std::to_string(i)));
      auto first = co_await when_any(from.receive(), on.sleep(patience));
      EXPECT_EQ(first.index(), 0U);
      EXPECT_EQ(std::get<0>(first)->bytes(), std::to_string(i));
    }
  }(loop, *near, *far));
}

// with_timeout ------------------------------------------------------------------------------------

/// As a result of the library that has an outcome.
class Answer {
 public:
  explicit Answer(Outcome outcome) noexcept : outcome_(outcome) {}
  [[nodiscard]] Outcome outcome() const noexcept { return outcome_; }

 private:
  Outcome outcome_;
};

template <typename T>
Task<T> after(Loop& loop, Duration time, T value) {
  co_await loop.sleep(time);
  co_return value;
}

TEST(with_timeout, gives_an_outcome_its_own_word) {
  Loop loop;
  loop.run([](Loop& on) -> Task<> {
    Event event(on);
    Outcome outcome = co_await with_timeout(event.wait(), 1ms);
    EXPECT_EQ(outcome, Outcome::timed_out);
    event.set();
    outcome = co_await with_timeout(event.wait(), patience);
    EXPECT_EQ(outcome, Outcome::ok);
    const Answer late = co_await with_timeout(after(on, forever, Answer(Outcome::ok)), 1ms);
    EXPECT_EQ(late.outcome(), Outcome::timed_out);
    const Answer answer = co_await with_timeout(after(on, 0ms, Answer(Outcome::ok)), patience);
    EXPECT_EQ(answer.outcome(), Outcome::ok);
  }(loop));
}

TEST(with_timeout, gives_a_result_an_error) {
  Loop loop;
  loop.run([](Loop& on) -> Task<> {
    const Result<int> late = co_await with_timeout(after<Result<int>>(on, forever, 1), 1ms);
    EXPECT_FALSE(late);
    EXPECT_EQ(late.error().code, std::errc::timed_out);
    const Result<int> value = co_await with_timeout(after<Result<int>>(on, 0ms, 1), patience);
    EXPECT_EQ(value, 1);
    const Result<void> none = co_await with_timeout(after<Result<void>>(on, forever, {}), 1ms);
    EXPECT_FALSE(none);
  }(loop));
}

TEST(with_timeout, gives_what_a_channel_gives) {
  using Value = std::expected<int, Outcome>;
  Loop loop;
  loop.run([](Loop& on) -> Task<> {
    const Value late = co_await with_timeout(after<Value>(on, forever, 1), 1ms);
    EXPECT_EQ(late, std::unexpected(Outcome::timed_out));
    const Value value = co_await with_timeout(after<Value>(on, 0ms, 1), patience);
    EXPECT_EQ(value, 1);
    using Nested = std::expected<Outcome, Outcome>;
    const Nested nested = co_await with_timeout(after<Nested>(on, forever, Outcome::ok), 1ms);
    EXPECT_EQ(nested, std::unexpected(Outcome::timed_out));
  }(loop));
}

TEST(with_timeout, makes_a_result_of_any_other_value) {
  Loop loop;
  loop.run([](Loop& on) -> Task<> {
    const Result<std::string> late =
        co_await with_timeout(after<std::string>(on, forever, "text"), 1ms);
    EXPECT_FALSE(late);
    EXPECT_EQ(late.error().code, std::errc::timed_out);
    const Result<std::string> text =
        co_await with_timeout(after<std::string>(on, 0ms, "text"), patience);
    EXPECT_EQ(text, "text");
    const Result<void> nothing = co_await with_timeout(nothing_after(on, forever), 1ms);
    EXPECT_FALSE(nothing);
    const Result<void> done = co_await with_timeout(nothing_after(on, 0ms), patience);
    EXPECT_TRUE(done);
  }(loop));
}

TEST(with_timeout, cancels_what_did_not_complete) {
  Loop loop;
  std::vector<std::string> log;
  loop.run([](Loop& on, std::vector<std::string>& lines) -> Task<> {
    const auto held = co_await with_timeout(hold(on, lines, "it"), 1ms);
    EXPECT_FALSE(held);
    lines.emplace_back("continued");
  }(loop, log));
  EXPECT_EQ(log, (std::vector<std::string>{"it", "continued"}));
}

TEST(with_timeout, passes_on_exceptions) {
  Loop loop;
  EXPECT_THROW(loop.run([](Loop& on) -> Task<> {
    co_await with_timeout(throw_after(on, 0ms), patience);
  }(loop)),
               std::runtime_error);
}

TEST(with_timeout, waits_without_end_for_forever) {
  Loop loop;
  loop.run([](Loop& on) -> Task<> {
    const auto value = co_await with_timeout(number_after(on, 1ms, 7), forever);
    EXPECT_EQ(value, 7);
  }(loop));
}

TEST(with_timeout, lasts_its_time_in_a_loop_that_drains) {
  Loop loop;
  loop.drain(patience);
  loop.run([]() -> Task<> {
    const auto start = Loop::Clock::now();
    const auto never = co_await with_timeout(detail::Pause(forever), 5ms);
    EXPECT_FALSE(never);
    EXPECT_GE(Loop::Clock::now() - start, 5ms);
  }());
}

}  // namespace
}  // namespace hallway
