// SPDX-License-Identifier: Apache-2.0
//
// What the polling policies of two programs make of each other: see polling_simulation.hpp.
#include <gtest/gtest.h>

#include <algorithm>

#include "loop/spin_backoff.hpp"
#include "polling_simulation.hpp"
#include "support/watchdog.hpp"

namespace hallway::detail {
namespace {

using namespace test;

constexpr std::array wake_costs{20us, 30us, 40us, 50us, 60us, 70us};
constexpr std::uint64_t runs = test::sanitized ? 1 : 10;

/// A rule that looks sensible and traps itself: after 64 misses in a row the next 64 waits sleep at
/// once, then twice as many.
class MissCounting {
 public:
  template <typename SharedClock>
  Duration poll_time(VirtualTime /*now*/, SharedClock /*unused*/) {
    if (skips_ == 0) return bounds::spin;
    --skips_;
    return Duration::zero();
  }
  void note_found(VirtualTime /*now*/) { misses_ = 0; }
  void note_missed() {
    if (++misses_ < 64) return;
    misses_ = 56;
    skip(1024);
  }
  void note_crowded(VirtualTime /*now*/, Duration /*lost*/) { skip(8192); }
  void note_woken(VirtualTime /*now*/, bool /*event*/) {}

 private:
  void skip(unsigned most) {
    skips_ = std::min(next_, most);
    next_ = std::min(2 * next_, 8192U);
  }

  unsigned skips_ = 0;
  unsigned next_ = 64;
  unsigned misses_ = 0;
};

/// A program of somebody else, which sleeps whenever it waits.
struct NeverPolls {
  template <typename SharedClock>
  Duration poll_time(VirtualTime /*now*/, SharedClock /*unused*/) {
    return Duration::zero();
  }
  void note_found(VirtualTime /*now*/) {}
  void note_missed() {}
  void note_crowded(VirtualTime /*now*/, Duration /*lost*/) {}
  void note_woken(VirtualTime /*now*/, bool /*event*/) {}
};

SpinBackoff awake() { return SpinBackoff(bounds::spin); }

/// One that had to do with a slow peer for long.
SpinBackoff dormant() {
  SpinBackoff backoff = awake();
  VirtualTime now(1s);
  for (int i = 0; i < 100; ++i, now += 80us) {
    if (backoff.poll_time(now, [] { return Duration::zero(); }) > 0us) backoff.note_missed();
    backoff.note_woken(now + 60us, true);
  }
  EXPECT_TRUE(backoff.dormant());
  return backoff;
}

Machine quiet(Duration wake) { return {.wake = wake}; }

Machine disturbed(Duration wake, std::uint64_t run) {
  Machine machine = quiet(wake);
  machine.disturbers[run % 2] = {.period = 10ms, .awake = 1ms, .phase = run * 1234567ns};
  return machine;
}

Machine disturbed_on_both_cores(Duration wake, std::uint64_t run) {
  Machine machine = quiet(wake);
  machine.disturbers[0] = {.period = 10ms, .awake = 1ms, .phase = run * 1234567ns};
  machine.disturbers[1] = {.period = 7ms, .awake = 1ms, .phase = run * 234567ns};
  return machine;
}

TEST(spin_simulation, shows_that_counting_misses_alone_traps_two_programs) {
  for (const Duration wake : {50us, 60us, 70us}) {
    for (std::uint64_t run = 0; run < runs; ++run) {
      EXPECT_GT(converse(quiet(wake), MissCounting(), MissCounting(), run).median, 80us);
      EXPECT_GT(converse(disturbed(wake, run), MissCounting(), MissCounting(), run).median, 80us);
    }
  }
}

TEST(spin_simulation, two_programs_become_fast_at_once_whatever_waking_costs) {
  for (const Duration wake : wake_costs) {
    for (std::uint64_t run = 0; run < runs; ++run) {
      const auto came_to = converse(quiet(wake), awake(), awake(), run);
      EXPECT_LT(came_to.median, 5us) << wake;
      EXPECT_LT(came_to.mean, 5us) << wake;
      EXPECT_LT(came_to.longest_slow, 1ms) << wake;
      EXPECT_LT(came_to.polled_in_vain, 0.001) << wake;
    }
  }
}

TEST(spin_simulation, two_programs_stay_fast_beside_one_that_is_awake_now_and_then) {
  for (const Duration wake : wake_costs) {
    for (std::uint64_t run = 0; run < runs; ++run) {
      const auto came_to = converse(disturbed(wake, run), awake(), awake(), run);
      EXPECT_LT(came_to.median, 5us) << wake;
      EXPECT_LT(came_to.mean, 8us) << wake;
      EXPECT_LT(came_to.longest_slow, 5ms) << wake;
    }
  }
}

TEST(spin_simulation, two_programs_stay_fast_beside_one_on_each_core_that_is_awake_now_and_then) {
  for (const Duration wake : wake_costs) {
    for (std::uint64_t run = 0; run < runs; ++run) {
      const auto came_to = converse(disturbed_on_both_cores(wake, run), awake(), awake(), run);
      EXPECT_LT(came_to.median, 5us) << wake;
      EXPECT_LT(came_to.mean, 12us) << wake;
      EXPECT_LT(came_to.longest_slow, 10ms) << wake;
    }
  }
}

TEST(spin_simulation, two_programs_that_gave_up_polling_find_each_other_within_milliseconds) {
  for (const Duration wake : wake_costs) {
    for (std::uint64_t run = 0; run < runs; ++run) {
      const auto came_to = converse(quiet(wake), dormant(), dormant(), run);
      EXPECT_LT(came_to.longest_slow, 10ms) << wake;
      EXPECT_LT(came_to.median, 5us) << wake;
    }
  }
}

TEST(spin_simulation, a_new_program_wakes_one_that_gave_up_polling_within_milliseconds) {
  for (const Duration wake : wake_costs) {
    for (std::uint64_t run = 0; run < runs; ++run) {
      for (const auto& came_to : {converse(quiet(wake), awake(), dormant(), run),
                                  converse(quiet(wake), dormant(), awake(), run)}) {
        EXPECT_LT(came_to.longest_slow, 20ms) << wake;
        EXPECT_LT(came_to.median, 5us) << wake;
      }
    }
  }
}

TEST(spin_simulation, a_peer_that_sleeps_costs_little_and_a_slow_one_nothing) {
  for (const Duration wake : {45us, 70us}) {
    for (const Duration thinks : {1us, 20us, 60us, 100us, 150us, 300us, 2000us}) {
      const Pace pace{.lasts = 5s, .thinks = thinks};
      const auto came_to = converse(quiet(wake), awake(), NeverPolls(), 1, pace);
      EXPECT_LT(came_to.polled, 0.024) << wake << thinks;
      if (thinks >= 300us) {
        EXPECT_LT(came_to.polled, 0.0005) << wake << thinks;
      }
    }
  }
}

TEST(spin_simulation, a_pair_that_is_idle_polls_no_more_than_by_counting_misses) {
  for (const Duration wake : wake_costs) {
    for (const Duration pauses : {Duration(1ms), Duration(5ms), Duration(50ms)}) {
      const Pace pace{.lasts = 60s, .pauses = pauses};
      const auto counting = converse(quiet(wake), MissCounting(), MissCounting(), 1, pace);
      const auto ours = converse(quiet(wake), awake(), awake(), 1, pace);
      EXPECT_LT(ours.polled_in_vain, counting.polled_in_vain + 0.0001) << wake << pauses;
    }
  }
}

TEST(spin_simulation, two_programs_forget_that_the_cores_were_busy) {
  SpinBackoff was_busy = awake();
  VirtualTime now = VirtualTime(1h) - 1s;
  for (int i = 0; i < 9; ++i) {
    was_busy.note_crowded(now + 3ms, 3ms);
    now = was_busy.rest_until();
  }
  ASSERT_EQ(was_busy.rest(), SpinBackoff::longest_rest);
  for (const Duration wake : wake_costs) {
    for (std::uint64_t run = 0; run < runs; ++run) {
      const auto came_to =
          converse(disturbed_on_both_cores(wake, run), was_busy, was_busy, run, {.lasts = 1s});
      EXPECT_LT(came_to.median, 5us) << wake;
      EXPECT_LT(came_to.longest_slow, 400ms) << wake;
    }
  }
}

TEST(spin_simulation, hogs_on_both_cores_take_little_time_away) {
  constexpr Disturber hog{.period = 3ms, .awake = 3ms};
  for (const Duration wake : wake_costs) {
    Machine machine = quiet(wake);
    machine.disturbers = {hog, hog};
    const auto came_to = converse(machine, awake(), awake(), 1, {.lasts = 10s});
    EXPECT_GT(came_to.lost, 0) << wake;
    EXPECT_LT(came_to.lost, 0.04) << wake;
  }
}

}  // namespace
}  // namespace hallway::detail
