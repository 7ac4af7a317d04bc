// SPDX-License-Identifier: Apache-2.0
//
// The processes of one measurement. Each side is a child of its own, bound to its core before it
// does anything, and keeps its account in memory shared with the program, which prints the line.
//
//     Sides sides(options.placement);
//     sides.start("server", Core::server, [&](Side& side) { ...; side.ready(); ... });
//     sides.await_ready("server");
//     sides.start("client", Core::client, [&](Side& side) { ... });
//     sides.wait();
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string_view>
#include <vector>

#include "json.hpp"
#include "latencies.hpp"
#include "placement.hpp"

namespace bench {

/// What a side measured between begin() and end().
struct Account {
  std::uint64_t began = 0;  ///< of now()
  std::uint64_t ended = 0;
  std::uint64_t cpu = 0;  ///< nanoseconds, all threads
  std::uint64_t messages = 0;
  Summary latency = {};  ///< where this side measured any
  double value = 0;      ///< whatever else this work measures
  /// Of a server that goes on for ever and keeps no account of its own, as this side saw it.
  std::uint64_t server_cpu = 0;
};

/// A side as its own process sees it. Thread: begin() and end() may run on any, one after the
/// other.
class Side {
 public:
  Side(Account& account, int ready) noexcept : account_(&account), ready_(ready) {}

  /// Others may start: this side listens, has subscribed, ... Once, or never.
  void ready() const;

  /// Measuring begins: what came before was setting up and warming up.
  void begin();
  [[nodiscard]] bool began() const noexcept { return account_->began != 0; }

  /// Measuring is over, after so many messages.
  void end(std::uint64_t messages);

  [[nodiscard]] Account& account() noexcept { return *account_; }

 private:
  Account* account_;
  int ready_;
};

/// All sides as the program sees them. Those that still run when it goes are killed.
class Sides {
 public:
  explicit Sides(Placement placement);
  ~Sides();
  Sides(const Sides&) = delete;
  Sides& operator=(const Sides&) = delete;

  using Body = std::function<void(Side&)>;

  /// Starts a side: a child that runs `body` and exits. Several may have one name.
  void start(std::string_view name, Core core, const Body& body);

  /// Waits until every side of this name was ready(); fails when one ended before.
  void await_ready(std::string_view name);

  /// Waits for all sides; fails when one failed.
  void wait();

  /// Waits for the sides of this name only.
  void wait(std::string_view name);

  /// Ends sides that would go on for ever, such as brokers, by SIGTERM.
  void terminate(std::string_view name);

  /// Of the first side of this name.
  [[nodiscard]] const Account& account(std::string_view name) const;
  [[nodiscard]] pid_t pid(std::string_view name) const;

  /// Of all sides of this name: what they used and did together, from the first begin() to the last
  /// end().
  [[nodiscard]] Account together(std::string_view name) const;

  /// From the first begin() to the last end().
  [[nodiscard]] double seconds() const;

  /// CPU in nanoseconds for each of so many messages, by name: the line's "cpu_ns". Sides of one
  /// name are added up.
  [[nodiscard]] JsonLine cpu_per(std::uint64_t messages) const;

 private:
  struct Member {
    std::string_view name;
    pid_t pid;
    int ready;
    bool running;
  };

  [[nodiscard]] std::size_t find(std::string_view name) const;
  static void reap(Member& member);

  static constexpr std::size_t most = 1024;

  Placement placement_;
  Account* accounts_;  // shared with the sides, one each in the order of members_
  std::vector<Member> members_;
};

}  // namespace bench
