// SPDX-License-Identifier: Apache-2.0
//
// For how long a wait busy-polls before it sleeps.
//
// Polling is worthwhile while the peer answers within the budget. A peer that answers later may be
// slow by itself, or it may be late only because it was asleep: waking it takes two to four times
// the budget. Two programs that sleep therefore look slow to each other, and if each stopped
// polling for that reason, both would sleep for good. So a wait is in one of three states:
//
//   awake    polls up to the budget. After three misses in a row it probes: it polls for as long as
//            waking a peer takes. While the peer still polls, one probe is enough: the
//            prober receives the late answer while it runs and replies at once, and the peer finds
//            that reply within its budget.
//   dormant  after many misses. Waits sleep at once, except for those that begin in short windows,
//            which probe. The windows derive from a clock that all processes of the machine
//            share, so that both sides of a connection probe at the same time. They become rarer,
//            up to a bound of some milliseconds, while they find nothing; and none is used
//            while waits take longer than two wake-ups, because such a peer is slow by itself.
//   resting  after a yield that came back late, because another process has work for this core.
//            Every poll risks such a loss, so the rest is about as long as the loss was, and
//            doubles while losses come before polling went well for several times as long as they
//            take. Only the last loss is compared, so a busy time that is over is forgotten.
#pragma once

#include <algorithm>
#include <chrono>
#include <concepts>
#include <cstdint>

#include <hallway/limits.hpp>

namespace hallway::detail {

/// The decision alone. Pure: it reads no clock and makes no system call; it is given the time when
/// a wait begins, and notified how the wait went on. Calls per wait, in this order:
///
///     const Duration longest = backoff.poll_time(now, shared_clock);  // zero: skip to the sleep
///     // poll for at most `longest`, yielding the core in between; then one of
///     backoff.note_found(now);  // and no sleep
///     backoff.note_missed();
///     backoff.note_crowded(now, lost);
///     // sleep; then
///     backoff.note_woken(now, event);
class SpinBackoff {
 public:
  using Time = std::chrono::steady_clock::time_point;

  static constexpr int misses_until_dormant = 64;
  static constexpr int misses_on_probation = 8;  // after a window that found the peer awake
  static constexpr int misses_per_find = 8;      // misses that one find cancels
  static constexpr int misses_before_probe = 3;
  // Powers of two: a window of the longest period is a window of every shorter one, so two sides
  // with different periods still probe together.
  static constexpr Duration shortest_period{1 << 21};  // 2.1 ms
  static constexpr Duration longest_period{1 << 23};   // 8.4 ms
  static constexpr Duration longest_rest = std::chrono::milliseconds(128);
  static constexpr int good_times_per_loss = 4;

  explicit SpinBackoff(Duration budget) noexcept
      : budget_(budget), probe_(std::max(budget, std::min(5 * budget, bounds::spin_probe))) {}

  /// Call when a wait begins.
  /// @param shared_clock  the time since an epoch that all processes of this machine share; called
  ///         only while dormant
  /// @return how long this wait polls, at most probe_time(); zero: it sleeps at once
  template <std::invocable SharedClock>
  [[nodiscard]] Duration poll_time(Time now, SharedClock shared_clock) noexcept {
    began_ = now;
    if (now < rest_until_ || (dormant_ && !prompt_)) return Duration::zero();
    if (dormant_) return left_of_window(shared_clock());
    if (!prompt_ || misses_in_a_row_ < misses_before_probe) return budget_;
    misses_in_a_row_ = 0;
    return probe_;
  }

  /// Polling found something.
  void note_found(Time now) noexcept {
    prompt_ = true;
    if (now - began_ > budget_) {
      note_late();
    } else if (dormant_) {
      dormant_ = false;
      period_ = shortest_period;
      misses_ = misses_until_dormant - misses_on_probation;
    } else {
      misses_ = std::max(misses_ - misses_per_find, 0);
      misses_in_a_row_ = 0;
    }
  }

  /// Polling found nothing in all of its time.
  void note_missed() noexcept {
    ++misses_in_a_row_;
    note_late();
  }

  /// Polling ended because a yield took `lost` to come back.
  void note_crowded(Time now, Duration lost) noexcept {
    lost = std::min(lost, longest_rest);
    const bool worth_it = now - lost - rest_until_ >= good_times_per_loss * lost;
    rest_ = worth_it ? lost : std::clamp(2 * rest_, lost, longest_rest);
    rest_until_ = now + rest_ - rest_ * scatter(now) / 1024;
  }

  /// The sleep that followed ended, with an event or without.
  void note_woken(Time now, bool event) noexcept {
    const bool in_time = now - began_ <= window();
    prompt_ = in_time && (event || prompt_);
  }

  [[nodiscard]] bool dormant() const noexcept { return dormant_; }
  /// The longest the last rest could be; it was at least half of that.
  [[nodiscard]] Duration rest() const noexcept { return rest_; }
  [[nodiscard]] Time rest_until() const noexcept { return rest_until_; }
  [[nodiscard]] Duration budget() const noexcept { return budget_; }
  [[nodiscard]] Duration probe_time() const noexcept { return probe_; }
  /// Length of a window, and of the longest wait after which one is used. A probe that begins
  /// anywhere in its first half finds a peer that had to be woken, and that peer still probes.
  [[nodiscard]] Duration window() const noexcept { return 2 * probe_; }

 private:
  /// The peer did not answer within the budget.
  void note_late() noexcept {
    if (dormant_) {
      period_ = std::min(2 * period_, longest_period);
    } else if (++misses_ == misses_until_dormant) {
      dormant_ = true;
    }
  }

  /// 0 to 511. Rests of equal length could coincide with a periodic process again and again.
  static int scatter(Time now) noexcept {
    const auto ticks = static_cast<std::uint64_t>(now.time_since_epoch().count());
    return static_cast<int>((ticks * 0x9E3779B97F4A7C15U) >> 55U);  // Fibonacci hashing
  }

  [[nodiscard]] Duration left_of_window(Duration shared_time) const noexcept {
    const Duration into{shared_time.count() & (period_.count() - 1)};
    return std::clamp(window() - into, Duration::zero(), probe_);
  }

  Duration budget_;
  Duration probe_;
  Duration period_ = shortest_period;  // of the windows
  Duration rest_ = Duration::zero();   // length of the last rest
  Time rest_until_;
  Time began_;          // of the wait
  bool prompt_ = true;  // the last wait was no longer than two wake-ups
  bool dormant_ = false;
  int misses_ = 0;           // less those that finds cancelled
  int misses_in_a_row_ = 0;  // since the last find or probe
};

}  // namespace hallway::detail
