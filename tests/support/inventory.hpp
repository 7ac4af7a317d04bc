// SPDX-License-Identifier: Apache-2.0
//
// What a process holds, so that it can be counted before and after a test.
#pragma once

#include <cstddef>
#include <map>
#include <string>

namespace hallway::test {

/// Descriptors, threads and children of this process.
struct Inventory {
  std::map<int, std::string> descriptors;  ///< number, and what /proc says it refers to
  std::size_t threads = 0;
  bool children = false;  ///< running, or ended and not reaped

  static Inventory take();

  /// What `after` has that this has not, and the reverse, one line each; empty when nothing.
  [[nodiscard]] std::string difference(const Inventory& after) const;
};

/// The difference between `before` and now. A thread that was joined, and a process that was
/// killed, may take the kernel a moment to bury: only what persists is reported.
std::string lasting_difference(const Inventory& before);

}  // namespace hallway::test
