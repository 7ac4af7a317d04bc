// SPDX-License-Identifier: Apache-2.0
//
// The server that is measured when none is named: a process of its own, so that it does not share a
// thread or a heap with the load, at an address nobody else knows.
#pragma once

#include <memory>
#include <optional>

#include <hallway/address.hpp>
#include <hallway/error.hpp>
#include <hallway/limits.hpp>

#include "bench/bench_measurement.hpp"

namespace hallway::tool {

/// Ends with this object, and with the process that started it however that ends: either side
/// removes the directory when the other is gone.
class BenchServer {
 public:
  /// Forks: not while there are threads or a loop. It echoes, or broadcasts for that pattern.
  /// Blocking: until it listens.
  static Result<BenchServer> start(const Load& load);

  BenchServer(BenchServer&&) noexcept;
  BenchServer& operator=(BenchServer&&) = delete;
  ~BenchServer();

  [[nodiscard]] const Address& address() const noexcept;

  /// Ends it. What processor time it used in its life.
  Duration stop();

 private:
  struct State;
  explicit BenchServer(std::unique_ptr<State> state) noexcept;

  std::unique_ptr<State> state_;
};

}  // namespace hallway::tool
