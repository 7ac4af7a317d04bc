// SPDX-License-Identifier: Apache-2.0
//
// The server that is measured when no address is given. It is a process of its own, so that it does
// not share a thread or a heap with the load, and listens in a private directory.
#pragma once

#include <memory>
#include <optional>

#include <hallway/address.hpp>
#include <hallway/error.hpp>
#include <hallway/limits.hpp>

#include "bench/bench_measurement.hpp"

namespace hallway::tool {

/// The server process ends with this object, and with the process that started it no matter how
/// that ends. Either process removes the directory when the other has gone.
class BenchServer {
 public:
  /// Forks, so there must not be threads or a loop yet. The server echoes; for Pattern::broadcast
  /// it broadcasts. Blocking: until it listens.
  static Result<BenchServer> start(const Load& load);

  BenchServer(BenchServer&&) noexcept;
  BenchServer& operator=(BenchServer&&) = delete;
  ~BenchServer();

  [[nodiscard]] const Address& address() const noexcept;

  /// Ends the server. Blocking: until its process has ended.
  /// @return the processor time that it used
  Duration stop();

 private:
  struct State;
  explicit BenchServer(std::unique_ptr<State> state) noexcept;

  std::unique_ptr<State> state_;
};

}  // namespace hallway::tool
