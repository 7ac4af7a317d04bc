// SPDX-License-Identifier: Apache-2.0
//
// What was measured, as a page: one HTML file with its plots in it, which opens without a network.
#pragma once

#include <fstream>
#include <string>
#include <utility>

#include <hallway/error.hpp>

#include "bench/bench_measurement.hpp"

namespace hallway::tool {

class Report {
 public:
  /// Replaces what is in `file`. Before anything is measured: who waited an hour for a page wants
  /// to have it.
  static Result<Report> open(const std::string& file);

  Result<void> write(const Load& load, const Measurement& measured);

 private:
  explicit Report(std::string file) : file_(std::move(file)), out_(file_, std::ios::binary) {}
  [[nodiscard]] Error error() const;

  std::string file_;
  std::ofstream out_;
};

}  // namespace hallway::tool
