// SPDX-License-Identifier: Apache-2.0
//
// A thread that writes to standard output. If a pipe is full, a terminal is stopped with Ctrl-S or
// a disk hangs, write(2) blocks whatever poll(2) reported before. A loop must not block.
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
  /// Throws std::system_error if no descriptor or thread is available.
  /// @param descriptor  borrowed until the process ends
  explicit StreamWriter(int descriptor);
  StreamWriter(const StreamWriter&) = delete;
  StreamWriter& operator=(const StreamWriter&) = delete;

  /// Does not wait for the thread: a write in progress may take any time.
  ~StreamWriter();

  /// Queues bytes. The queue is not bounded: the owner checks written().
  void write(std::string bytes);

  /// Runs `action` in the thread before its next write, without waiting for a write in progress.
  void run_in_thread(std::function<void()> action);

  /// Bytes written in all.
  [[nodiscard]] std::uint64_t written() const;

  /// errno of the write that failed, or zero. It becomes EPIPE as soon as the reader is gone, even
  /// if there is nothing to write. After an error, nothing is written.
  [[nodiscard]] int error() const;

  /// A descriptor that is readable when written() or error() has changed. Borrowed.
  [[nodiscard]] int change_descriptor() const noexcept;

  /// Clears change_descriptor(). Call it before written() and error(), so that no change is lost.
  void clear_changes();

 private:
  struct State;

  std::shared_ptr<State> state_;
};

}  // namespace hallway::tool
