// SPDX-License-Identifier: Apache-2.0
//
// The measurement as text: for people, and for programs.
#pragma once

#include <array>
#include <string>
#include <string_view>

#include "bench/bench_measurement.hpp"

namespace hallway::tool {

/// The quantiles shown in every table.
struct Quantile {
  std::string_view name;
  double at;
};
inline constexpr std::array<Quantile, 5> quantiles{
    {{"p50", 0.5}, {"p90", 0.9}, {"p99", 0.99}, {"p99.9", 0.999}, {"max", 1}}};

/// "1 connection, 64 bytes a message, stream, framing lines"
std::string words_of(const Load& load);

/// "none", or "3 lost, 1 out of order, 2 repeated"
std::string words_of_losses(const Measurement& measured);

/// The result as lines for people.
std::string printed(const Load& load, const Measurement& measured);

/// The result as one line of JSON.
std::string json_line(const Load& load, const Measurement& measured);

}  // namespace hallway::tool
