// SPDX-License-Identifier: Apache-2.0
#include "bench/bench_measurement.hpp"

#include <array>
#include <chrono>
#include <utility>

namespace hallway::tool {

namespace {

/// Maximum number of intervals in a plot, and the length below which one has too few answers.
constexpr int most_intervals = 100;
constexpr Duration shortest_interval = std::chrono::milliseconds(10);

/// 10, 20, 50, 100, ... ms: steps that are easy to read on a time axis.
Duration interval_for(Duration expected) {
  constexpr std::array steps{2.0, 2.5, 2.0};
  double width = seconds(shortest_interval);
  for (std::size_t step = 0; width * most_intervals < seconds(expected); ++step) {
    width *= steps[step % steps.size()];
  }
  return std::chrono::round<Duration>(std::chrono::duration<double>(width));
}

}  // namespace

std::string_view to_string(Pattern pattern) noexcept {
  constexpr std::array<std::string_view, 4> names{"pingpong", "stream", "broadcast", "connect"};
  return names[std::to_underlying(pattern)];
}

std::string_view counted_by(Pattern pattern) noexcept {
  constexpr std::array<std::string_view, 4> names{"round trips", "answers", "deliveries",
                                                  "connections"};
  return names[std::to_underlying(pattern)];
}

double Interval::rate() const noexcept { return static_cast<double>(answers) / seconds(length); }

Measurement::Measurement(Duration expected) : width_(interval_for(expected)) {}

void Measurement::begin(Moment now) {
  start_ = last_ = now;
  interval_end_ = now + width_;
  begun_ = true;
}

void Measurement::close_intervals(Moment now) {
  // A server that stalls leaves empty intervals.
  while (now >= interval_end_) {
    close_interval(width_);
    interval_end_ += width_;
  }
}

void Measurement::close_interval(Duration length) {
  const Moment begin = interval_end_ - width_;
  intervals_.push_back({.begin = begin - start_,
                        .length = length,
                        .answers = current_.count(),
                        .p50 = current_.at(0.5),
                        .p99 = current_.at(0.99),
                        .max = current_.max()});
  latencies_.merge(current_);
  current_.clear();
}

void Measurement::end() {
  close_intervals(last_);
  const Duration rest = last_ - (interval_end_ - width_);
  // Answers in less than half an interval count in total, but are too few to give a rate.
  if (rest >= width_ / 2) return close_interval(rest);
  latencies_.merge(current_);
  current_.clear();
}

double Measurement::rate() const noexcept {
  const double time = seconds(elapsed());
  return time > 0 ? static_cast<double>(latencies_.count()) / time : 0;
}

}  // namespace hallway::tool
