// SPDX-License-Identifier: Apache-2.0
#include "loop/spin_backoff.hpp"

#include <gtest/gtest.h>

#include "support/waiting.hpp"

namespace hallway::detail {
namespace {

using namespace test;

/// A policy, and the times it is given.
class spin_backoff : public testing::Test {
 protected:
  Duration begin_wait() {
    return backoff.poll_time(now, [this] {
      ++clock_reads;
      return shared;
    });
  }

  /// A wait that polls in vain and is woken so long after it began.
  Duration miss(Duration until_woken = 60us) {
    const Duration polled = begin_wait();
    if (polled > 0us) backoff.note_missed();
    now += until_woken;
    backoff.note_woken(now, true);
    return polled;
  }

  /// A wait that finds something, if it polls at all.
  void find(Duration after = 1us) {
    const Duration polled = begin_wait();
    now += after;
    polled > 0us ? backoff.note_found(now) : backoff.note_woken(now, true);
  }

  void make_dormant() {
    for (int i = 0; i < SpinBackoff::misses_until_dormant; ++i) miss();
    ASSERT_TRUE(backoff.dormant());
  }

  /// Puts the shared clock at a point after the start of a window of every period.
  void into_window(Duration into) { shared = 5 * SpinBackoff::longest_period + into; }

  SpinBackoff backoff{20us};
  SpinBackoff::Time now{1h};
  Duration shared = 1ms;  // outside of every window
  int clock_reads = 0;
};

TEST_F(spin_backoff, polls_up_to_the_budget_at_first) {
  EXPECT_EQ(begin_wait(), 20us);
  EXPECT_EQ(clock_reads, 0);
}

TEST_F(spin_backoff, never_polls_with_a_budget_of_zero) {
  backoff = SpinBackoff(Duration::zero());
  for (int i = 0; i < 200; ++i) ASSERT_EQ(miss(), 0us);
}

TEST_F(spin_backoff, probes_after_a_few_misses_in_a_row) {
  for (int round = 0; round < 3; ++round) {
    for (int i = 0; i < SpinBackoff::misses_before_probe; ++i) EXPECT_EQ(miss(), 20us);
    EXPECT_EQ(begin_wait(), bounds::spin_probe);
    find();
  }
}

TEST_F(spin_backoff, probes_at_most_five_times_as_long_as_it_is_set_to_poll) {
  EXPECT_EQ(SpinBackoff(4us).probe_time(), 20us);
  EXPECT_EQ(SpinBackoff(30us).probe_time(), bounds::spin_probe);
  EXPECT_EQ(SpinBackoff(10ms).probe_time(), 10ms);
}

TEST_F(spin_backoff, does_not_probe_for_a_peer_that_takes_longer_than_two_wake_ups) {
  for (int i = 0; i < SpinBackoff::misses_until_dormant; ++i) {
    EXPECT_EQ(miss(backoff.window() + 1us), 20us);
  }
}

TEST_F(spin_backoff, goes_dormant_after_many_misses) {
  make_dormant();
  into_window(backoff.window());
  for (int i = 0; i < 1000; ++i) ASSERT_EQ(miss(), 0us);
}

TEST_F(spin_backoff, takes_a_late_find_for_a_miss) {
  for (int i = 0; i < SpinBackoff::misses_until_dormant; ++i) find(40us);
  EXPECT_TRUE(backoff.dormant());
}

TEST_F(spin_backoff, stays_awake_while_one_wait_in_eight_finds_something) {
  for (int i = 0; i < 10'000; ++i) {
    i % 8 == 0 ? find() : static_cast<void>(miss());
    ASSERT_FALSE(backoff.dormant());
  }
}

TEST_F(spin_backoff, goes_dormant_when_finds_are_rare) {
  for (int i = 0; i < 1000; ++i) i % 32 == 0 ? find() : static_cast<void>(miss());
  EXPECT_TRUE(backoff.dormant());
}

TEST_F(spin_backoff, probes_in_windows_while_dormant_and_not_past_their_end) {
  make_dormant();
  into_window(0us);
  EXPECT_EQ(begin_wait(), bounds::spin_probe);
  into_window(backoff.window() - 30us);
  EXPECT_EQ(begin_wait(), 30us);
  into_window(backoff.window());
  EXPECT_EQ(begin_wait(), 0us);
  into_window(-1us);
  EXPECT_EQ(begin_wait(), 0us);
}

TEST_F(spin_backoff, has_rarer_windows_while_nothing_comes_in_them_and_all_again_after_a_find) {
  make_dormant();
  const auto has_window_at = [this](Duration into) {
    into_window(into);
    return begin_wait() > 0us;
  };
  EXPECT_TRUE(has_window_at(SpinBackoff::shortest_period));
  for (int i = 0; i < 10; ++i) {
    into_window(0us);
    miss();
  }
  EXPECT_FALSE(has_window_at(SpinBackoff::shortest_period));
  EXPECT_FALSE(has_window_at(SpinBackoff::longest_period / 2));
  EXPECT_TRUE(has_window_at(SpinBackoff::longest_period));
  find();
  for (int i = 0; i < SpinBackoff::misses_on_probation; ++i) miss();
  ASSERT_TRUE(backoff.dormant());
  EXPECT_TRUE(has_window_at(SpinBackoff::shortest_period));
}

TEST_F(spin_backoff, uses_no_window_after_a_long_wait_until_a_short_one_ends_with_an_event) {
  make_dormant();
  into_window(0us);
  EXPECT_GT(miss(1ms), 0us);
  EXPECT_EQ(begin_wait(), 0us);
  now += 50us;
  backoff.note_woken(now, false);  // a timer shows nothing about the peer
  EXPECT_EQ(miss(), 0us);
  EXPECT_GT(begin_wait(), 0us);
}

TEST_F(spin_backoff, goes_dormant_again_soon_when_a_window_promised_too_much) {
  make_dormant();
  into_window(0us);
  find();
  into_window(backoff.window());
  for (int i = 0; i < SpinBackoff::misses_on_probation; ++i) {
    EXPECT_FALSE(backoff.dormant());
    miss();
  }
  EXPECT_TRUE(backoff.dormant());
}

TEST_F(spin_backoff, stays_dormant_when_the_peer_had_to_be_woken) {
  make_dormant();
  into_window(0us);
  find(40us);
  EXPECT_TRUE(backoff.dormant());
}

TEST_F(spin_backoff, rests_about_as_long_as_another_process_kept_the_core) {
  begin_wait();
  now += 1ms;
  backoff.note_crowded(now, 1ms);
  now += 500us;
  EXPECT_EQ(begin_wait(), 0us);
  now += 500us;
  EXPECT_EQ(begin_wait(), 20us);
}

TEST_F(spin_backoff, rests_twice_as_long_each_time_up_to_a_bound_while_the_core_is_crowded) {
  for (Duration rest = 3ms; rest < SpinBackoff::longest_rest; rest *= 2) {
    now += 3ms;
    backoff.note_crowded(now, 3ms);
    EXPECT_EQ(backoff.rest(), rest);
    now = backoff.rest_until();
  }
  now += 3ms;
  backoff.note_crowded(now, 3ms);
  EXPECT_EQ(backoff.rest(), SpinBackoff::longest_rest);
}

TEST_F(spin_backoff, forgets_longer_rests_once_polling_was_worth_a_loss) {
  for (int i = 0; i < 20; ++i) {
    now += 3ms;
    backoff.note_crowded(now, 3ms);
    now = backoff.rest_until();
  }
  ASSERT_EQ(backoff.rest(), SpinBackoff::longest_rest);
  now += SpinBackoff::good_times_per_loss * 1ms + 1ms;
  backoff.note_crowded(now, 1ms);
  EXPECT_EQ(backoff.rest(), 1ms);
}

TEST_F(spin_backoff, rests_no_longer_than_the_bound_after_being_stopped_for_long) {
  now += 1h;
  backoff.note_crowded(now, 1h);
  EXPECT_EQ(backoff.rest(), SpinBackoff::longest_rest);
}

}  // namespace
}  // namespace hallway::detail
