// SPDX-License-Identifier: Apache-2.0
//
// Standard error, and never a loop that waits for it: lines are queued and a thread writes them. A
// pipe that nobody reads, a terminal that is stopped, a disk that is full cost lines, which are
// counted, and nothing else.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include <hallway/limits.hpp>

namespace hallway::tool {

/// Bytes that wait for standard error; above it the oldest lines are dropped. A single line may be
/// longer.
inline constexpr std::size_t log_waiting = 1 * mebibyte;

/// At the end of the process: how long it waits for its log, while none of it is taken, and in all.
inline constexpr Duration log_patience = std::chrono::milliseconds(500);
inline constexpr Duration log_end_time = std::chrono::seconds(2);

/// Functions never block, except for finish(). Thread: any.
class Log {
 public:
  using Clock = std::chrono::steady_clock;

  /// That of this process. Its thread is started by the first line.
  static Log& standard_error();

  /// @param descriptor  borrowed until the process ends
  explicit Log(int descriptor);
  Log(const Log&) = delete;
  Log& operator=(const Log&) = delete;

  /// Does not wait for what is queued: finish() does.
  ~Log();

  /// Queues whole lines, each with its newline.
  void write(std::string lines);

  /// Queues what `lines` gives at `when`, or when the process ends if that is earlier.
  /// @param lines  called in the thread that writes
  void write_at(Clock::time_point when, std::function<std::string()> lines);

  /// What the log says where lines are missing, because nobody took them in time.
  /// @param line  called in the thread that writes
  void on_dropped(std::function<std::string(std::uint64_t)> line);

  /// Lines go to `taker` instead, in the thread that writes them; nothing: to the descriptor again.
  /// Where somebody types, they belong between what is shown.
  void divert(std::function<void(const std::string&)> taker);

  /// Lets the thread run `action` before it writes anything more; without a thread, nothing is
  /// done. A write that has begun is not waited for.
  void run_in_thread(std::function<void()> action);

  /// Waits until all is written, or is not being taken.
  /// Blocking: see log_patience and log_end_time.
  void finish();

 private:
  struct State;

  bool start();

  std::shared_ptr<State> state_;
};

}  // namespace hallway::tool
