// SPDX-License-Identifier: Apache-2.0
//
// The load: connections that send messages and receive the answers.
//
// Without a rate it is a closed loop: a message is sent when the pattern permits it, and its
// latency counts from then. With a rate it is an open loop: messages are due by a clock that a slow
// answer does not stop, and latency counts from when a message was due, not from when it could
// finally be sent. Otherwise a server that stalls for a second would spoil only one measured value,
// because the sender stalls with it ("coordinated omission").
#pragma once

#include <chrono>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <list>
#include <optional>
#include <string_view>

#include <hallway/connection.hpp>
#include <hallway/error.hpp>
#include <hallway/event.hpp>
#include <hallway/loop.hpp>
#include <hallway/task.hpp>
#include <hallway/task_scope.hpp>

#include "bench/bench_flight.hpp"
#include "bench/bench_measurement.hpp"
#include "bench/bench_payload.hpp"

namespace hallway::tool {

/// When the messages of one sender are due.
class Pace {
 public:
  /// @param every  nanoseconds from one message to the next; 0: each is due at once
  Pace(Moment first, double every) : first_(first), every_(every) {}

  /// When message `number` is due.
  [[nodiscard]] Moment due(std::uint64_t number) const {
    if (every_ == 0) return std::chrono::steady_clock::now();
    return first_ + Duration(static_cast<std::int64_t>(every_ * static_cast<double>(number)));
  }

  /// The number of messages due before `moment`.
  [[nodiscard]] std::uint64_t due_before(Moment moment) const {
    if (every_ == 0 || moment <= first_) return 0;
    const auto passed = static_cast<double>(Duration(moment - first_).count());
    return static_cast<std::uint64_t>(std::ceil(passed / every_));
  }

 private:
  Moment first_;
  double every_;
};

class LoadRun {
 public:
  struct Failure {
    Error error;
    bool connecting;  ///< a connection could not be made
  };

  /// All arguments are borrowed.
  LoadRun(Loop& loop, const Load& load, Events& events, Measurement& measurement);
  LoadRun(const LoadRun&) = delete;
  LoadRun& operator=(const LoadRun&) = delete;
  ~LoadRun();

  /// Connects, checks that the server answers correctly, and loads it. Completes when the time has
  /// passed or end() was called and all sent messages are answered, or when it failed.
  Task<> run();

  /// Stops sending.
  void end() { sending_over_.set(); }

  [[nodiscard]] const std::optional<Failure>& failure() const noexcept { return failure_; }

 private:
  struct Receiver;
  struct Lane;

  Task<bool> prepare();
  void log_ready();
  Task<bool> prepare_broadcast();
  Task<bool> announce(Lane& lane);
  Task<bool> try_out(Lane& lane);
  Task<std::optional<Connection>> connect();
  void start();
  void start(Lane& lane);
  void finish_sending();
  void sum_up(Moment ended);

  Task<> converse(Lane& lane);
  Task<> connect_anew(Lane& lane);
  Task<> send_on(Lane& lane);
  Task<> receive_on(Lane& lane, Receiver& receiver);
  static Task<> ignore_answers(Connection& connection);

  Task<bool> exchange(Lane& lane, Connection& connection, Moment due);
  Task<> sleep_until(Lane& lane, Moment due);
  bool take(Lane& lane, Receiver& receiver, ByteView message);
  bool take_probe(const Received& received);

  void fail(Error error, bool connecting = false);
  void fail(const Received& received, const Connection& connection);
  [[nodiscard]] Error not_the_message(ByteView message) const;
  [[nodiscard]] Error unanswered(std::string_view why) const;

  Loop* loop_;
  const Load* load_;
  Events* events_;
  Measurement* measurement_;
  Event sending_over_;
  Event failed_;
  std::optional<Failure> failure_;
  std::size_t window_;  // maximum number of messages of one sender in flight
  bool sending_ = false;
  Moment until_;  // messages due at this time or later are not sent
  std::list<Lane> lanes_;
  TaskScope load_tasks_;  // those that send or receive
  TaskScope ignoring_;
};

}  // namespace hallway::tool
