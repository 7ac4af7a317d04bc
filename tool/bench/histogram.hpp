// SPDX-License-Identifier: Apache-2.0
//
// A histogram of times that keeps every value to within 0.05 % in fixed memory.
//
// Its buckets are linear within each power of two and logarithmic across them, as in Gil Tene's
// HdrHistogram: a value keeps its first 11 bits, and its bucket stands for the middle of its range.
// Values up to 2047 are exact. Pure; recording is a shift and an increment.
#pragma once

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace hallway::tool {

class Histogram {
 public:
  /// Larger values count as this one: in nanoseconds, 73 minutes.
  static constexpr std::uint64_t largest = (std::uint64_t{1} << 42) - 1;

  /// Maximum relative difference between a result of at() and the recorded value.
  static constexpr double relative_error = 1.0 / 2048;

  void record(std::uint64_t value) noexcept {
    value = std::min(value, largest);
    ++buckets_[index_of(value)];
    ++count_;
    sum_ += static_cast<double>(value);
    min_ = std::min(min_, value);
    max_ = std::max(max_, value);
  }

  /// Adds everything that was recorded in `other`.
  void merge(const Histogram& other) noexcept {
    for (std::size_t index = 0; index < buckets_.size(); ++index) {
      buckets_[index] += other.buckets_[index];
    }
    count_ += other.count_;
    sum_ += other.sum_;
    min_ = std::min(min_, other.min_);
    max_ = std::max(max_, other.max_);
  }

  void clear() noexcept {
    std::ranges::fill(buckets_, 0);
    count_ = 0;
    sum_ = 0;
    min_ = largest;
    max_ = 0;
  }

  [[nodiscard]] std::uint64_t count() const noexcept { return count_; }
  [[nodiscard]] std::uint64_t min() const noexcept { return count_ == 0 ? 0 : min_; }
  [[nodiscard]] std::uint64_t max() const noexcept { return max_; }
  [[nodiscard]] double mean() const noexcept {
    return count_ == 0 ? 0 : sum_ / static_cast<double>(count_);
  }

  /// The smallest value that at least this share of all values does not exceed; 0 without values.
  /// @param quantile  0 to 1: 0.99 is the 99th percentile. 0 gives the minimum, 1 the maximum.
  [[nodiscard]] std::uint64_t at(double quantile) const noexcept {
    const auto rank = static_cast<std::uint64_t>(std::ceil(quantile * static_cast<double>(count_)));
    if (rank <= 1) return min();
    if (rank >= count_) return max();
    std::uint64_t seen = 0;
    for (std::size_t index = 0; index < buckets_.size(); ++index) {
      seen += buckets_[index];
      if (seen >= rank) return std::clamp(middle_of(index), min_, max_);
    }
    return max();
  }

  /// Calls `visit(value, count)` for each bucket that holds something, from the smallest value on.
  template <typename Visit>
  void for_each(const Visit& visit) const {
    for (std::size_t index = 0; index < buckets_.size(); ++index) {
      if (buckets_[index] != 0) visit(middle_of(index), buckets_[index]);
    }
  }

 private:
  static constexpr unsigned kept_bits = 11;
  static constexpr unsigned half_bits = kept_bits - 1;  // each power of two adds half the buckets

  /// The number of low bits that a value loses.
  static constexpr unsigned shift_of(std::uint64_t value) noexcept {
    const auto width = static_cast<unsigned>(std::bit_width(value));
    return width > kept_bits ? width - kept_bits : 0;
  }

  static constexpr std::size_t index_of(std::uint64_t value) noexcept {
    const unsigned shift = shift_of(value);
    return (std::size_t{shift} << half_bits) + static_cast<std::size_t>(value >> shift);
  }

  static constexpr std::uint64_t middle_of(std::size_t index) noexcept {
    if (index < (std::size_t{1} << kept_bits)) return index;
    const auto shift = static_cast<unsigned>(index >> half_bits) - 1;
    const std::uint64_t lowest = (index - (std::size_t{shift} << half_bits)) << shift;
    return lowest + ((std::uint64_t{1} << shift) - 1) / 2;
  }

  std::vector<std::uint64_t> buckets_ = std::vector<std::uint64_t>(index_of(largest) + 1);
  std::uint64_t count_ = 0;
  double sum_ = 0;
  std::uint64_t min_ = largest;
  std::uint64_t max_ = 0;
};

}  // namespace hallway::tool
