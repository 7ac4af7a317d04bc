// SPDX-License-Identifier: Apache-2.0
#include "tool/bench/histogram.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <limits>
#include <random>
#include <vector>

namespace hallway::tool {

namespace {

constexpr std::array quantiles{0.0, 0.001, 0.1, 0.5, 0.9, 0.99, 0.999, 0.9999, 1.0};

Histogram histogram_of(const std::vector<std::uint64_t>& values) {
  Histogram histogram;
  for (const std::uint64_t value : values) histogram.record(value);
  return histogram;
}

/// What at() stands for: the smallest of the sorted values that so large a share does not exceed.
std::uint64_t exactly(const std::vector<std::uint64_t>& values, double quantile) {
  const double rank = std::ceil(quantile * static_cast<double>(values.size()));
  return values[static_cast<std::size_t>(std::max(rank, 1.0)) - 1];
}

void expect_same(const Histogram& one, const Histogram& other) {
  EXPECT_EQ(one.count(), other.count());
  EXPECT_EQ(one.min(), other.min());
  EXPECT_EQ(one.max(), other.max());
  EXPECT_DOUBLE_EQ(one.mean(), other.mean());
  for (const double quantile : quantiles) EXPECT_EQ(one.at(quantile), other.at(quantile));
}

TEST(Histogram, without_values_everything_is_zero) {
  const Histogram histogram;
  EXPECT_EQ(histogram.count(), 0U);
  EXPECT_EQ(histogram.min(), 0U);
  EXPECT_EQ(histogram.max(), 0U);
  EXPECT_EQ(histogram.mean(), 0);
  for (const double quantile : quantiles) EXPECT_EQ(histogram.at(quantile), 0U);
  histogram.for_each([](std::uint64_t, std::uint64_t) { ADD_FAILURE(); });
}

TEST(Histogram, every_value_comes_back_to_within_the_error_promised) {
  for (unsigned bit = 0; bit < 42; ++bit) {
    for (const std::int64_t beside : {-1, 0, 1}) {
      const auto value = (std::uint64_t{1} << bit) + static_cast<std::uint64_t>(beside);
      if (value > Histogram::largest) continue;
      // Between two others, where neither the least nor the greatest value helps.
      const Histogram histogram = histogram_of({0, value, Histogram::largest});
      const auto found = static_cast<double>(histogram.at(0.5));
      const auto wanted = static_cast<double>(value);
      EXPECT_LE(std::abs(found - wanted), wanted * Histogram::relative_error) << value;
      if (value < 2048) {
        EXPECT_EQ(histogram.at(0.5), value);
      }
    }
  }
}

TEST(Histogram, quantiles_are_those_of_the_sorted_values_to_within_a_tenth_of_a_percent) {
  std::mt19937_64 random(20261121);
  for (const double spread : {0.1, 1.0, 3.0, 6.0}) {
    for (const std::size_t count : {1UZ, 2UZ, 10UZ, 999UZ, 50'000UZ}) {
      std::lognormal_distribution<double> latency(9, spread);
      std::vector<std::uint64_t> values(count);
      for (auto& value : values) {
        value = static_cast<std::uint64_t>(
            std::min(latency(random), static_cast<double>(Histogram::largest)));
      }
      const Histogram histogram = histogram_of(values);
      std::ranges::sort(values);
      EXPECT_EQ(histogram.min(), exactly(values, 0));
      EXPECT_EQ(histogram.max(), exactly(values, 1));
      for (const double quantile : quantiles) {
        const auto wanted = static_cast<double>(exactly(values, quantile));
        EXPECT_NEAR(static_cast<double>(histogram.at(quantile)), wanted, wanted * 0.001)
            << count << " values, spread " << spread << ", quantile " << quantile;
      }
    }
  }
}

TEST(Histogram, merging_is_recording_everything_in_one) {
  std::mt19937_64 random(7);
  std::vector<std::uint64_t> all;
  Histogram merged;
  for (int part = 0; part < 5; ++part) {
    std::vector<std::uint64_t> values(1000);
    for (auto& value : values) value = random() >> (22 + 5 * part);
    merged.merge(histogram_of(values));
    all.insert(all.end(), values.begin(), values.end());
  }
  expect_same(merged, histogram_of(all));
  merged.merge(Histogram());
  expect_same(merged, histogram_of(all));
}

TEST(Histogram, cleared_it_is_as_new) {
  Histogram histogram = histogram_of({5, 1'000'000, Histogram::largest});
  histogram.clear();
  expect_same(histogram, Histogram());
  histogram.record(17);
  expect_same(histogram, histogram_of({17}));
}

TEST(Histogram, what_is_too_large_counts_as_the_largest) {
  const Histogram histogram =
      histogram_of({Histogram::largest + 1, std::numeric_limits<std::uint64_t>::max()});
  EXPECT_EQ(histogram.count(), 2U);
  EXPECT_EQ(histogram.min(), Histogram::largest);
  EXPECT_EQ(histogram.max(), Histogram::largest);
}

TEST(Histogram, its_buckets_come_in_order_and_hold_everything) {
  const Histogram histogram = histogram_of({3, 3, 100'000, 7, 100'000'000});
  std::vector<std::uint64_t> values;
  std::uint64_t count = 0;
  histogram.for_each([&](std::uint64_t value, std::uint64_t here) {
    values.push_back(value);
    count += here;
  });
  EXPECT_EQ(values.size(), 4U);
  EXPECT_TRUE(std::ranges::is_sorted(values));
  EXPECT_EQ(count, 5U);
}

}  // namespace

}  // namespace hallway::tool
