// SPDX-License-Identifier: Apache-2.0
//
// Writes to standard error without blocking the loop: lines are queued, and a thread writes them.
// If a pipe is not read, a terminal is stopped or a disk is full, lines are dropped and counted,
// and nothing else is affected.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include <hallway/limits.hpp>

namespace hallway::tool {

/// Maximum bytes queued for standard error; above it, the oldest lines are dropped. A single line
/// may be longer.
inline constexpr std::size_t log_waiting = 1 * mebibyte;

/// At the end of the process: how long finish() waits for a reader that takes nothing, for one that
/// takes little, and for the writing thread on a busy machine.
inline constexpr Duration log_patience = std::chrono::milliseconds(500);
inline constexpr Duration log_end_time = std::chrono::seconds(2);
inline constexpr Duration log_thread_time = std::chrono::seconds(10);

/// Functions never block, except finish(), and write() if no thread can be started. Thread: any.
class Log {
 public:
  using Clock = std::chrono::steady_clock;

  /// The log of this process. The first line starts its thread.
  static Log& standard_error();

  /// @param descriptor  borrowed until the process ends
  explicit Log(int descriptor);
  Log(const Log&) = delete;
  Log& operator=(const Log&) = delete;

  /// Does not wait for queued lines; finish() does.
  ~Log();

  /// Queues whole lines, each with its newline.
  void write(std::string lines);

  /// Queues the result of `lines` at `when`, or at the end of the process if that is earlier.
  /// @param lines  called in the writing thread
  void write_at(Clock::time_point when, std::function<std::string()> lines);

  /// Sets the line that reports dropped lines.
  /// @param line  called in the writing thread with their number
  void on_dropped(std::function<std::string(std::uint64_t)> line);

  /// Passes lines to `taker` instead, in the thread that calls write(). An empty function restores
  /// the descriptor. Used while a prompt is shown, so that log lines do not overwrite the typed
  /// line.
  void divert(std::function<void(const std::string&)> taker);

  /// Runs `action` in the writing thread before its next write, without waiting for a write in
  /// progress. Does nothing if the thread was not started.
  void run_in_thread(std::function<void()> action);

  /// Waits until everything is written, or the reader takes nothing.
  /// Blocking: see log_patience, log_end_time and log_thread_time.
  void finish();

 private:
  struct State;

  bool start();

  std::shared_ptr<State> state_;
};

}  // namespace hallway::tool
