// SPDX-License-Identifier: Apache-2.0
//
// A kernel that lacks a resource reports it, but does not report when it has the resource again:
// ENOBUFS and ENOMEM (memory, or a packet larger than it can ever assemble), ETOOMANYREFS
// (descriptors in flight between all processes of a user). The socket polls writable all the time,
// so there is no event to wait for, only time. A shortage that does not end must become an error.
#pragma once

#include <algorithm>
#include <cerrno>
#include <chrono>

#include <hallway/limits.hpp>

namespace hallway::message {

class ResourceBackoff {
 public:
  using Clock = std::chrono::steady_clock;

  static constexpr Duration first_pause = std::chrono::milliseconds(1);
  static constexpr Duration longest_pause = std::chrono::milliseconds(50);

  static bool is_resource_exhaustion(int error) noexcept {
    return error == ENOBUFS || error == ENOMEM || error == ETOOMANYREFS;
  }

  /// A reason, where the text of errno does not explain it.
  static const char* reason(int error) noexcept {
    return error == ETOOMANYREFS ? "too many descriptors were sent and not received yet" : "";
  }
  static const char* hint(int error) noexcept {
    return error == ETOOMANYREFS ? "RLIMIT_NOFILE limits them for all processes of a user together"
                                 : "";
  }

  /// Notes one more refusal in a row.
  /// @return false if refusals have continued for `longest`; zero disables the bound
  bool note(Duration longest) noexcept {
    const Clock::time_point now = Clock::now();
    if (!active()) since_ = now;
    pause_ = active() ? std::min(2 * pause_, longest_pause) : first_pause;
    return longest == Duration::zero() || now - since_ < longest;
  }
  void over() noexcept { pause_ = Duration::zero(); }

  [[nodiscard]] bool active() const noexcept { return pause_ != Duration::zero(); }
  /// How long to wait before trying again.
  [[nodiscard]] Duration pause() const noexcept { return pause_; }

 private:
  Clock::time_point since_;
  Duration pause_ = Duration::zero();
};

}  // namespace hallway::message
