// SPDX-License-Identifier: Apache-2.0
//
// Busy-polling before a sleep.
//
// To wake a sleeping process on another core takes some 20 us and more, to find an event by polling
// less than 2 (half of a round trip each: docs/PERFORMANCE.md). So a wait polls first, and yields
// the core between two looks: a peer on the same core then answers as fast as if this side slept.
// How long a wait polls is decided in spin_backoff.hpp.
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

  /// @param budget  how long a wait polls; unset: bounds::spin, where there are two cores or more
  explicit Spin(std::optional<Duration> budget = {}) noexcept
      : backoff_(budget ? *budget : automatic()) {}

  void set(std::optional<Duration> budget) noexcept { *this = Spin(budget); }

  /// Calls `poll` until it reports an event, for at most `longest`.
  /// @return whether there is one; false: sleep, then call note_woken()
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

  /// The sleep after polling in vain is over.
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

  // The wall clock: unlike the monotonic one it is the same in every time namespace. That it may
  // jump does not matter: both sides of a connection see the jump.
  static Duration shared_time() noexcept {
    return std::chrono::system_clock::now().time_since_epoch();
  }

  SpinBackoff backoff_;
};

}  // namespace hallway::detail
