// SPDX-License-Identifier: Apache-2.0
#include "loop/spin.hpp"

#include <gtest/gtest.h>

#include <chrono>

#include "support/waiting.hpp"

namespace hallway::detail {
namespace {

using namespace test;
using Clock = Spin::Clock;

constexpr auto nothing = [] { return false; };
constexpr auto event = [] { return true; };

/// Looks once; says for how long that kept the core.
auto nothing_for(Duration time) {
  return [time] {
    work_for(time);
    return false;
  };
}

TEST(spin, sees_at_once_what_is_there) {
  Spin spin(1s);
  int polls = 0;
  EXPECT_TRUE(spin.poll([&] { return ++polls == 1; }));
  EXPECT_EQ(polls, 1);
}

TEST(spin, looks_again_and_again_until_something_comes) {
  Spin spin(10s);
  int polls = 0;
  // On a crowded machine it rests in between.
  const auto began = Clock::now();
  while (polls < 5 && Clock::now() - began < patience) {
    const bool found = spin.poll([&] { return ++polls == 5; });
    EXPECT_EQ(found, polls == 5);
  }
  EXPECT_EQ(polls, 5);
}

TEST(spin, gives_up_when_its_budget_is_over) {
  Spin spin(50us);
  const auto began = Clock::now();
  EXPECT_FALSE(spin.poll(nothing));
  EXPECT_GE(Clock::now() - began, 50us);
}

TEST(spin, takes_a_wait_that_was_too_short_for_no_miss) {
  Spin spin(10s);
  for (int i = 0; i < 2 * SpinBackoff::misses_until_dormant; ++i) spin.poll(nothing, 1us);
  EXPECT_FALSE(spin.backoff().dormant());
}

TEST(spin, stops_polling_where_it_finds_nothing) {
  Spin spin(1us);
  // On a crowded machine it rests instead.
  const auto stopped = [&] { return spin.backoff().dormant() || spin.backoff().rest() > 0us; };
  for (int i = 0; i < SpinBackoff::misses_until_dormant && !stopped(); ++i) {
    EXPECT_FALSE(spin.poll(nothing));
    spin.note_woken(true);
  }
  EXPECT_TRUE(stopped());
}

TEST(spin, takes_no_longer_than_the_wait_itself_may) {
  Spin spin(10s);
  const auto began = Clock::now();
  EXPECT_FALSE(spin.poll(nothing, 1ms));
  EXPECT_LT(Clock::now() - began, 5s);
}

TEST(spin, never_looks_with_a_budget_of_zero) {
  Spin spin(Duration::zero());
  EXPECT_FALSE(spin.poll([]() -> bool { throw "looked"; }));
}

TEST(spin, rests_at_once_when_somebody_else_has_work_for_the_core) {
  Spin spin(1s);
  EXPECT_FALSE(spin.poll(nothing_for(1ms)));
  EXPECT_GT(spin.backoff().rest(), Duration::zero());
}

TEST(spin, begins_again_when_it_is_set) {
  Spin spin(1s);
  spin.poll(nothing_for(1ms));
  spin.set(2s);
  EXPECT_EQ(spin.backoff().rest(), Duration::zero());
  EXPECT_TRUE(spin.poll(event));
}

}  // namespace
}  // namespace hallway::detail
