// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace bench {

/// What many waits look like together, in microseconds.
struct Summary {
  double p50 = 0;
  double p99 = 0;
  double mean = 0;
  double max = 0;
};

/// Times in nanoseconds; what takes longer than four seconds counts as four. Room is taken and
/// touched first, so that noting one costs no page fault.
class Latencies {
 public:
  explicit Latencies(std::size_t room) : times_(room) { times_.clear(); }

  void note(std::uint64_t nanoseconds) {
    times_.push_back(static_cast<std::uint32_t>(std::min<std::uint64_t>(nanoseconds, UINT32_MAX)));
  }
  [[nodiscard]] std::size_t count() const noexcept { return times_.size(); }

  [[nodiscard]] Summary summarize() const;

 private:
  std::vector<std::uint32_t> times_;
};

}  // namespace bench
