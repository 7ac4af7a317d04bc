// SPDX-License-Identifier: Apache-2.0
//
// A thread that writes to standard output. A pipe fills, a terminal is stopped with Ctrl-S, a disk
// hangs: write(2) waits there whatever poll(2) said before, and a loop must not.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include <hallway/descriptor.hpp>

namespace hallway::tool {

/// Functions never block. Thread: the owner's.
class StreamWriter {
 public:
  /// Throws std::system_error where no descriptor or thread is to be had.
  /// @param descriptor  borrowed until the process ends
  explicit StreamWriter(int descriptor);
  StreamWriter(const StreamWriter&) = delete;
  StreamWriter& operator=(const StreamWriter&) = delete;

  /// Does not wait for the thread: a write that has begun goes on for as long as it takes.
  ~StreamWriter();

  /// Gives it more to write. Not bounded: the owner looks at written().
  void write(std::string bytes);

  /// Lets the thread run `action` before it writes anything more. A write that has begun is not
  /// waited for.
  void run_in_thread(std::function<void()> action);

  /// Bytes written since the beginning.
  [[nodiscard]] std::uint64_t written() const;

  /// errno of the write that failed; EPIPE, too, as soon as the reader is gone, whether or not
  /// there is something to write. Zero so far. Nothing is written after it.
  [[nodiscard]] int error() const;

  /// Readable when written() or error() has changed. Borrowed.
  [[nodiscard]] int news() const noexcept;

  /// Before looking: what changes from here on is news again.
  void forget_news();

 private:
  struct State;

  std::shared_ptr<State> state_;
};

}  // namespace hallway::tool
