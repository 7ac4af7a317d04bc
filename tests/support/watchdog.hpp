// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

namespace hallway::test {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
inline constexpr bool sanitized = true;
#elif defined(__has_feature)
inline constexpr bool sanitized =
    __has_feature(address_sanitizer) || __has_feature(thread_sanitizer);
#else
inline constexpr bool sanitized = false;
#endif

#if defined(__has_feature)
inline constexpr bool thread_sanitized = __has_feature(thread_sanitizer);
#else
inline constexpr bool thread_sanitized = false;
#endif

/// Whether this build counts what is run (./dev coverage).
#ifdef HALLWAY_COVERAGE
inline constexpr bool counts_branches = true;
#else
inline constexpr bool counts_branches = false;
#endif

/// Aborts the process when a test hangs, naming the test. One at a time; it uses SIGALRM.
class Watchdog {
 public:
  /// Several times `patience`: a test that waits for something in vain says so itself, before this.
  /// Under a sanitizer everything is several times slower, and where every branch is counted.
  static constexpr unsigned seconds = sanitized || counts_branches ? 150 : 90;

  void start(const std::string& test, unsigned limit = seconds);
  void stop();

  /// For a test that takes longer than `seconds`: as its first line, before it has children. A
  /// shorter time changes nothing: a machine that is busy is no hang.
  static void allow(unsigned longer);
};

/// In a forked child: the parent's alarm does not reach it, so it needs its own.
void watch_forked_child();

}  // namespace hallway::test
