// SPDX-License-Identifier: Apache-2.0
//
// Busy-polling before a sleep.
//
// Waking a sleeping process on another core takes some 20 us and more, finding an event by polling
// less than 2 us (half of a round trip each: docs/PERFORMANCE.md). So a wait polls first, and
// yields the core between two polls: a peer on the same core then answers as fast as if this side
// slept. spin_backoff.hpp decides how long a wait polls.
#pragma once

#include <algorithm>
#include <chrono>
#include <optional>

#include <hallway/limits.hpp>

#include "loop/spin_backoff.hpp"
#include "sys/cores.hpp"

namespace hallway::detail {

class Spin {
 public:
  using Clock = std::chrono::steady_clock;

  /// @param budget  how long a wait polls; if unset, bounds::spin on two cores or more, else zero
  explicit Spin(std::optional<Duration> budget = {}) noexcept
      : backoff_(budget ? *budget : automatic()) {}

  void set(std::optional<Duration> budget) noexcept { *this = Spin(budget); }

  /// Calls `poll` until it reports an event, for at most `longest`.
  /// @return whether it did; if not, the caller sleeps and then calls note_woken()
  template <typename Poll>
  bool poll(Poll poll, Duration longest = forever) {
    if (disabled()) return false;
    const auto began = Clock::now();
    const Duration wanted = backoff_.poll_time(began, shared_time);
    const Duration most = std::min(wanted, longest);
    if (most <= Duration::zero()) return false;
    for (auto polled = began; polled - began < most;) {
      if (poll()) {
        backoff_.note_found(polled);
        return true;
      }
      sys::yield_core();
      const auto returned = Clock::now();
      if (returned - polled > long_yield) {
        backoff_.note_crowded(returned, returned - polled);
        return poll();
      }
      polled = returned;
    }
    // A wait that had less time than it wanted shows nothing about the peer.
    if (most == wanted) backoff_.note_missed();
    return false;
  }

  /// Call after the sleep that followed unsuccessful polling.
  void note_woken(bool event) noexcept {
    if (!disabled()) backoff_.note_woken(Clock::now(), event);
  }

  [[nodiscard]] const SpinBackoff& backoff() const noexcept { return backoff_; }

 private:
  static constexpr Duration long_yield = std::chrono::microseconds(100);

  [[nodiscard]] bool disabled() const noexcept { return backoff_.budget() <= Duration::zero(); }

  static Duration automatic() noexcept {
    return sys::usable_cores() > 1 ? Duration(bounds::spin) : Duration::zero();
  }

  // The wall clock, because unlike the monotonic one it is the same in every time namespace. A jump
  // of it does not matter: both sides of a connection see the jump.
  static Duration shared_time() noexcept {
    return std::chrono::system_clock::now().time_since_epoch();
  }

  SpinBackoff backoff_;
};

}  // namespace hallway::detail
