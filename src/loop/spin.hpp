// SPDX-License-Identifier: Apache-2.0
//
// Waiting without sleeping, for as long as that pays.
//
// To wake a sleeping process on another core takes some 20 us, to find news by asking for it less
// than 2 (half of a round trip each: docs/PERFORMANCE.md). So a wait
// first asks again and again, and gives the core away in between: a peer on the same core answers
// as fast as if we slept. Two things tell that this does not pay, and each makes the next waits
// sleep at once, twice as many every time: a core that is long in coming back, because somebody
// else has work for it; and news that keep taking longer than the time we ask for.
#pragma once

#include <algorithm>
#include <chrono>
#include <optional>

#include <hallway/limits.hpp>

#include "sys/cores.hpp"

namespace hallway::detail {

/// When to sleep at once. Pure: it is told what the waits came to.
class SpinRests {
 public:
  static constexpr unsigned fewest = 64;
  static constexpr unsigned most = 8192;
  // After news that came too late the way back is shorter: a peer that was asleep is slow to wake,
  // and two that find each other awake stay so.
  static constexpr unsigned most_after_misses = 1024;
  static constexpr unsigned misses_in_a_row = 64;
  static constexpr unsigned misses_after_a_rest = 8;
  static constexpr unsigned finds_to_forgive = 256;

  /// Of the waits to come, how many sleep at once.
  [[nodiscard]] unsigned left() const noexcept { return left_; }

  /// Whether this wait is one of them.
  bool take_one() noexcept {
    if (left_ == 0) return false;
    --left_;
    return true;
  }

  void note_found() noexcept {
    missed_ = 0;
    if (++found_ < finds_to_forgive) return;
    found_ = 0;
    next_ = std::max(next_ / 2, fewest);
  }

  void note_missed() noexcept {
    if (++missed_ < misses_in_a_row) return;
    missed_ = misses_in_a_row - misses_after_a_rest;
    begin(most_after_misses);
  }

  /// Somebody else has work for the core.
  void note_crowded() noexcept { begin(most); }

 private:
  void begin(unsigned longest) noexcept {
    left_ = std::min(next_, longest);
    next_ = std::min(2 * next_, most);
    found_ = 0;
  }

  unsigned left_ = 0;
  unsigned next_ = fewest;
  unsigned missed_ = 0;  // in a row
  unsigned found_ = 0;   // since the last rest, or the last that was forgiven
};

class Spin {
 public:
  using Clock = std::chrono::steady_clock;

  /// @param budget  how long a wait asks; nothing: bounds::spin, where there are two cores or more
  explicit Spin(std::optional<Duration> budget = {}) noexcept
      : budget_(budget ? *budget : automatic()) {}

  void set(std::optional<Duration> budget) noexcept { *this = Spin(budget); }

  /// Calls `look` until it says that there is news, for at most `longest`.
  /// @return whether there is; false: sleep
  template <typename Look>
  bool finds_news(Look look, Duration longest = forever) {
    const Duration most = std::min(budget_, longest);
    if (most <= Duration::zero() || rests_.take_one()) return false;
    const auto began = Clock::now();
    for (auto asked = began; asked - began < most;) {
      if (look()) {
        rests_.note_found();
        return true;
      }
      sys::yield_core();
      const auto returned = Clock::now();
      if (returned - asked > long_yield) {
        rests_.note_crowded();
        return look();
      }
      asked = returned;
    }
    rests_.note_missed();
    return false;
  }

  [[nodiscard]] const SpinRests& rests() const noexcept { return rests_; }

 private:
  static constexpr Duration long_yield = std::chrono::microseconds(100);

  static Duration automatic() noexcept {
    return sys::usable_cores() > 1 ? Duration(bounds::spin) : Duration::zero();
  }

  Duration budget_;
  SpinRests rests_;
};

}  // namespace hallway::detail
