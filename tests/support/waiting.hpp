// SPDX-License-Identifier: Apache-2.0
//
// Waiting in tests: for an event with a deadline, never for a guessed time.
#pragma once

#include <algorithm>
#include <array>
#include <chrono>
#include <functional>

#include <gtest/gtest.h>

#include <hallway/loop.hpp>

#include "support/watchdog.hpp"

namespace hallway::test {

using namespace std::chrono_literals;

/// Longer than anything takes that works, on a loaded machine.
inline constexpr Duration patience = sanitized ? 60s : 30s;

/// Turns `loop` until `condition` holds. False: it still does not after `patience`.
inline bool run_until(Loop& loop, const std::function<bool()>& condition,
                      Duration longest = patience) {
  const auto deadline = Loop::Clock::now() + longest;
  while (!condition()) {
    if (Loop::Clock::now() >= deadline) return false;
    // What the condition looks at may be no event of the loop: look again soon.
    loop.turn(1ms);
  }
  return true;
}

/// Keeps the thread at work, as a handler does that computes something.
inline void work_for(Duration time) {
  const auto end = Loop::Clock::now() + time;
  while (Loop::Clock::now() < end) {
  }
}

/// Whether `attempt` holds with some clock of this length. For what only a machine that stands
/// still for that long can disturb: a real mistake fails with the longest, too.
inline bool holds_with_some_clock(const std::function<bool(Duration)>& attempt) {
  return std::ranges::any_of(std::to_array<Duration>({20ms, 100ms, 500ms, 2s}), attempt);
}

}  // namespace hallway::test
