// SPDX-License-Identifier: Apache-2.0
//
// The measurement as a page: one HTML file that contains its plots and needs no network.
#pragma once

#include <fstream>
#include <string>
#include <utility>

#include <hallway/error.hpp>

#include "bench/bench_measurement.hpp"

namespace hallway::tool {

class Report {
 public:
  /// Truncates `file`. Called before the measurement, so that a file that cannot be written fails
  /// early and not after a run of an hour.
  static Result<Report> open(const std::string& file);

  Result<void> write(const Load& load, const Measurement& measured);

 private:
  explicit Report(std::string file) : file_(std::move(file)), out_(file_, std::ios::binary) {}
  [[nodiscard]] Error error() const;

  std::string file_;
  std::ofstream out_;
};

}  // namespace hallway::tool
