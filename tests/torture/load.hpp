// SPDX-License-Identifier: Apache-2.0
//
// Clients in processes of their own that owe nothing to the library: connect(2), send(2), recv(2).
// What they count is what a user would see.
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "support/processes.hpp"
#include "torture/torture.hpp"

namespace hallway::torture {

struct Tally {
  std::atomic<bool> stop;
  std::atomic<std::uint64_t> connections;  ///< connect(2) succeeded
  std::atomic<std::uint64_t> refused;      ///< connect(2): nobody there
  std::atomic<std::uint64_t> sent;         ///< send(2) took the request: it is accepted
  std::atomic<std::uint64_t> answered;     ///< of those, with their own reply
  std::atomic<std::uint64_t> lost;         ///< of those, without a reply
  std::atomic<std::uint64_t> wrong;        ///< of those, with another reply
  std::atomic<std::uint64_t> not_sent;     ///< send(2) failed, so nobody has read it
};

enum class Habit : std::uint8_t {
  connection_per_request,
  persistent,  ///< several requests under way on a connection that is kept
};

/// One process that asks until it is told to stop, and counts.
class Asker {
 public:
  Asker(const std::string& path, int type, Habit habit);

  [[nodiscard]] const Tally& tally() const noexcept { return **tally_; }
  /// Waits until it has stopped. False: it died.
  bool stop();

 private:
  std::unique_ptr<Shared<Tally>> tally_ = std::make_unique<Shared<Tally>>();
  test::ForkedProcess process_;
};

/// Several of them.
class Load {
 public:
  /// `of_each` processes of each habit.
  Load(const std::string& path, int type, unsigned of_each);

  [[nodiscard]] std::uint64_t sum(std::atomic<std::uint64_t> Tally::* count) const;
  /// Waits until `more` further requests were answered.
  [[nodiscard]] bool answered(std::uint64_t more) const;
  bool stop();

 private:
  std::vector<std::unique_ptr<Asker>> askers_;
};

}  // namespace hallway::torture
