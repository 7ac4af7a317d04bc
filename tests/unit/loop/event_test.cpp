// SPDX-License-Identifier: Apache-2.0
#include <hallway/event.hpp>

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

Task<> note(Event& event, Duration within, std::vector<Outcome>& outcomes) {
  outcomes.push_back(co_await event.wait(within));
}

class event : public testing::Test {
 protected:
  Loop loop;
  std::optional<Event> it{std::in_place, loop};
  std::vector<Outcome> outcomes;
};

TEST_F(event, ends_the_waits_of_all_tasks_after_the_call_of_set) {
  for (int i = 0; i < 3; ++i) loop.spawn(note(*it, forever, outcomes));
  loop.turn();
  it->set();
  EXPECT_TRUE(it->is_set());
  EXPECT_TRUE(outcomes.empty());
  EXPECT_EQ(loop.run(), 0);
  EXPECT_EQ(outcomes, (std::vector{Outcome::ok, Outcome::ok, Outcome::ok}));
}

TEST_F(event, that_is_set_makes_no_task_wait) {
  it->set();
  loop.spawn(note(*it, forever, outcomes));
  EXPECT_EQ(outcomes, (std::vector{Outcome::ok}));
}

TEST_F(event, makes_tasks_wait_again_after_a_reset) {
  it->set();
  it->reset();
  EXPECT_FALSE(it->is_set());
  loop.spawn(note(*it, 1ms, outcomes));
  EXPECT_EQ(loop.run(), 0);
  EXPECT_EQ(outcomes, (std::vector{Outcome::timed_out}));
}

TEST_F(event, ends_the_waits_also_when_it_is_reset_at_once) {
  loop.spawn(note(*it, forever, outcomes));
  it->set();
  it->reset();
  EXPECT_EQ(loop.run(), 0);
  EXPECT_EQ(outcomes, (std::vector{Outcome::ok}));
}

TEST_F(event, ends_a_wait_in_time) {
  const auto start = Loop::Clock::now();
  loop.spawn(note(*it, 5ms, outcomes));
  EXPECT_EQ(loop.run(), 0);
  EXPECT_GE(Loop::Clock::now() - start, 5ms);
  EXPECT_EQ(outcomes, (std::vector{Outcome::timed_out}));
}

TEST_F(event, may_be_looked_at_without_waiting) {
  loop.spawn(note(*it, 0ms, outcomes));
  EXPECT_EQ(loop.run(), 0);
  EXPECT_EQ(outcomes, (std::vector{Outcome::timed_out}));
}

TEST_F(event, that_is_destroyed_ends_the_waits_with_closed) {
  loop.spawn(note(*it, forever, outcomes));
  it.reset();
  EXPECT_EQ(loop.run(), 0);
  EXPECT_EQ(outcomes, (std::vector{Outcome::closed}));
}

TEST_F(event, that_gets_the_place_of_another_ends_the_waits_for_that_one) {
  loop.spawn(note(*it, forever, outcomes));
  *it = Event(loop);
  EXPECT_EQ(loop.run(), 0);
  EXPECT_EQ(outcomes, (std::vector{Outcome::closed}));
}

TEST_F(event, that_is_moved_keeps_its_tasks) {
  loop.spawn(note(*it, forever, outcomes));
  Event moved(std::move(*it));
  it.reset();
  moved.set();
  EXPECT_EQ(loop.run(), 0);
  EXPECT_EQ(outcomes, (std::vector{Outcome::ok}));
}

TEST_F(event, may_be_destroyed_by_a_task_that_it_has_woken) {
  for (int i = 0; i < 2; ++i) {
    loop.spawn([](std::optional<Event>& waited_for, std::vector<Outcome>& list) -> Task<> {
      list.push_back(co_await waited_for->wait());
      waited_for.reset();
    }(it, outcomes));
  }
  it->set();
  EXPECT_EQ(loop.run(), 0);
  EXPECT_EQ(outcomes, (std::vector{Outcome::ok, Outcome::ok}));
}

TEST_F(event, forgets_a_task_that_is_cancelled) {
  TaskHandle handle = loop.spawn(note(*it, 10s, outcomes));
  handle.cancel();
  it->set();
  EXPECT_EQ(loop.run(), 0);
  EXPECT_TRUE(outcomes.empty());
}

TEST(loop, may_end_before_a_task_that_waits_for_an_event) {
  std::vector<Outcome> outcomes;
  Loop loop;
  Event event(loop);
  loop.spawn(note(event, forever, outcomes));
}

}  // namespace
}  // namespace hallway
