// SPDX-License-Identifier: Apache-2.0
#include "latencies.hpp"

#include <algorithm>
#include <numeric>

namespace bench {

Summary Latencies::summarize() const {
  if (times_.empty()) return {};
  std::vector<std::uint32_t> sorted = times_;
  std::ranges::sort(sorted);
  const auto count = static_cast<double>(sorted.size());
  const auto at = [&](double share) {
    const auto index = static_cast<std::size_t>(share * (count - 1));
    return static_cast<double>(sorted[index]) / 1e3;
  };
  const double sum = std::accumulate(sorted.begin(), sorted.end(), 0.0);
  return {at(0.50), at(0.99), sum / count / 1e3, at(1)};
}

}  // namespace bench
