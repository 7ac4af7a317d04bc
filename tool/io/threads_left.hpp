// SPDX-License-Identifier: Apache-2.0
//
// Threads that still run when main() ends, because waiting for them could take too long: a look-up
// of a name takes any time. exit(3) would clean up libraries that they still use.
#pragma once

#include <atomic>

namespace hallway::tool {

/// Set by code that leaves such a thread behind: the process then ends by _exit(2). Thread: any.
inline std::atomic<bool>& threads_left() noexcept {
  static std::atomic<bool> left = false;
  return left;
}

}  // namespace hallway::tool
