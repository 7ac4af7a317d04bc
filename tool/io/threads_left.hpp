// SPDX-License-Identifier: Apache-2.0
//
// Threads that still work when main() ends, because nobody could wait for them: a look-up of a name
// ends when it likes. exit(3) would take away from under them what libraries clean up then.
#pragma once

#include <atomic>

namespace hallway::tool {

/// Set by whoever leaves one: the process then ends by _exit(2). Thread: any.
inline std::atomic<bool>& threads_left() noexcept {
  static std::atomic<bool> left = false;
  return left;
}

}  // namespace hallway::tool
