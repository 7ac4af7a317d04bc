// SPDX-License-Identifier: Apache-2.0
//
// Memory on demand: what this thread takes from operator new, and what the library takes from
// malloc(3) and realloc(3), can be counted and made to fail.
#pragma once

namespace hallway::test {

/// While it lives, the `nth` allocation from now on fails; with 0 none does. One at a time.
class FailingAllocation {
 public:
  explicit FailingAllocation(unsigned nth) noexcept;
  FailingAllocation(const FailingAllocation&) = delete;
  FailingAllocation& operator=(const FailingAllocation&) = delete;
  ~FailingAllocation();

  /// How many were made, the failed one included.
  [[nodiscard]] static unsigned made() noexcept;
};

/// Blocks this process holds: allocated, less freed, since it began.
long live_blocks() noexcept;

}  // namespace hallway::test
