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
constexpr auto news = [] { return true; };

/// Looks once; says for how long that kept the core.
auto nothing_for(Duration time) {
  return [time] {
    work_for(time);
    return false;
  };
}

// When to sleep at once --------------------------------------------------------------------------

unsigned misses_until_rest(SpinRests& rests) {
  unsigned misses = 0;
  while (rests.left() == 0 && misses < 10'000) {
    rests.note_missed();
    ++misses;
  }
  return misses;
}

void rest_out(SpinRests& rests) {
  while (rests.take_one()) {
  }
}

TEST(spin_rests, are_none_at_first) {
  SpinRests rests;
  EXPECT_EQ(rests.left(), 0U);
  EXPECT_FALSE(rests.take_one());
}

TEST(spin_rests, begin_after_many_misses_in_a_row_and_sooner_after_a_rest) {
  SpinRests rests;
  EXPECT_EQ(misses_until_rest(rests), SpinRests::misses_in_a_row);
  rest_out(rests);
  EXPECT_EQ(misses_until_rest(rests), SpinRests::misses_after_a_rest);
}

TEST(spin_rests, double_each_time_up_to_a_bound) {
  SpinRests rests;
  for (unsigned expected = SpinRests::fewest; expected < SpinRests::most_after_misses;
       expected *= 2) {
    misses_until_rest(rests);
    EXPECT_EQ(rests.left(), expected);
    rest_out(rests);
  }
  misses_until_rest(rests);
  rest_out(rests);
  misses_until_rest(rests);
  EXPECT_EQ(rests.left(), SpinRests::most_after_misses);
}

TEST(spin_rests, are_longer_where_others_need_the_core) {
  SpinRests rests;
  for (int i = 0; i < 20; ++i) rests.note_crowded();
  EXPECT_EQ(rests.left(), SpinRests::most);
}

TEST(spin_rests, do_not_begin_while_news_come_now_and_then) {
  SpinRests rests;
  for (unsigned i = 0; i < 1000; ++i) {
    i % 32 == 0 ? rests.note_found() : rests.note_missed();
    ASSERT_EQ(rests.left(), 0U);
  }
}

TEST(spin_rests, are_shorter_again_after_much_that_was_found) {
  SpinRests rests;
  for (int i = 0; i < 3; ++i) rests.note_crowded();
  EXPECT_EQ(rests.left(), 4 * SpinRests::fewest);
  for (unsigned i = 0; i < 3 * SpinRests::finds_to_forgive; ++i) rests.note_found();
  rests.note_crowded();
  EXPECT_EQ(rests.left(), SpinRests::fewest);
}

// Asking -----------------------------------------------------------------------------------------

TEST(spin, sees_at_once_what_is_there) {
  Spin spin(1s);
  int looks = 0;
  EXPECT_TRUE(spin.finds_news([&] { return ++looks == 1; }));
  EXPECT_EQ(looks, 1);
}

TEST(spin, looks_again_and_again_until_something_comes) {
  Spin spin(10s);
  int looks = 0;
  // On a crowded machine it rests in between.
  for (int waits = 0; waits < 100'000 && looks < 5; ++waits) {
    const bool found = spin.finds_news([&] { return ++looks == 5; });
    EXPECT_EQ(found, looks == 5);
  }
  EXPECT_EQ(looks, 5);
}

TEST(spin, gives_up_when_its_budget_is_over) {
  Spin spin(50us);
  const auto began = Clock::now();
  EXPECT_FALSE(spin.finds_news(nothing));
  EXPECT_GE(Clock::now() - began, 50us);
}

TEST(spin, takes_no_longer_than_the_wait_itself_may) {
  Spin spin(10s);
  const auto began = Clock::now();
  EXPECT_FALSE(spin.finds_news(nothing, 1ms));
  EXPECT_LT(Clock::now() - began, 5s);
}

TEST(spin, never_looks_with_a_budget_of_zero) {
  Spin spin(Duration::zero());
  EXPECT_FALSE(spin.finds_news([]() -> bool { throw "looked"; }));
}

TEST(spin, rests_at_once_when_somebody_else_has_work_for_the_core) {
  Spin spin(1s);
  EXPECT_FALSE(spin.finds_news(nothing_for(1ms)));
  EXPECT_GT(spin.rests().left(), 0U);
}

TEST(spin, begins_anew_when_it_is_set) {
  Spin spin(1s);
  spin.finds_news(nothing_for(1ms));
  spin.set(2s);
  EXPECT_EQ(spin.rests().left(), 0U);
  EXPECT_TRUE(spin.finds_news(news));
}

}  // namespace
}  // namespace hallway::detail
