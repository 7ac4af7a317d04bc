// SPDX-License-Identifier: Apache-2.0
// Layer: message
//
// Lines from a pipe, a terminal or a file: standard input, the output of a program, a FIFO.
#pragma once

#include <cstddef>
#include <memory>
#include <utility>

#include <hallway/descriptor.hpp>
#include <hallway/error.hpp>
#include <hallway/export.hpp>
#include <hallway/limits.hpp>
#include <hallway/loop.hpp>
#include <hallway/message.hpp>
#include <hallway/task.hpp>

namespace hallway {

struct LineReaderOptions {
  std::size_t max_message = Limits{}.max_message;  ///< longest line, in bytes, without its end
  /// Whether a carriage return before the line feed belongs to the line: for programs that pass on
  /// lines as they are.
  bool keep_carriage_return = false;
};

/// The result of LineReader::receive(): a line, or the reason why there is none.
///
/// Converts to true only with a line. The line is valid until the next receive; outcome() and
/// error() remain valid.
class HALLWAY_EXPORT ReceivedLine {
 public:
  explicit ReceivedLine(const Message& line) noexcept : line_(line) {}
  /// Without a line. error() explains `outcome` in general.
  explicit ReceivedLine(Outcome outcome) noexcept : outcome_(outcome) {}
  /// Outcome::failed.
  explicit ReceivedLine(Error error)
      : outcome_(Outcome::failed), error_(std::make_shared<const Error>(std::move(error))) {}

  explicit operator bool() const noexcept { return outcome_ == Outcome::ok; }
  [[nodiscard]] Outcome outcome() const noexcept { return outcome_; }

  /// Without the line feed, and without a carriage return before it unless
  /// options.keep_carriage_return is set.
  const Message& operator*() const noexcept { return line_; }
  const Message* operator->() const noexcept { return &line_; }

  /// The outcome in words, for example "read standard input: Input/output error".
  [[nodiscard]] Error error() const;

 private:
  Message line_;
  Outcome outcome_ = Outcome::ok;
  std::shared_ptr<const Error> error_;
};

/// Reads lines from a descriptor that may be shared with other processes, as standard input is:
///
///     LineReader input(loop, 0);
///     while (auto line = co_await input.receive()) co_await peer.send(*line);
///
/// It does not make the descriptor non-blocking, because that would change it for all processes
/// that share it. It waits until there is something to read and then calls read(2) once. Hence it
/// has to be the only reader: if another one takes the bytes in between, read(2) blocks the loop.
/// From a file, which is always readable, it reads one piece in each turn of the loop; the disk may
/// block the loop for as long as it takes.
///
/// It reads ahead, up to 64 KiB. What it has read beyond the last line is lost with this object.
///
/// Movable, not copyable. It outlives the operations awaited on it, and the loop outlives it. One
/// task at a time may receive. Thread: the loop's.
class HALLWAY_EXPORT LineReader {
 public:
  /// Borrows `descriptor`, which must stay open.
  LineReader(Loop& loop, int descriptor, const LineReaderOptions& options = {});
  /// Adopts `descriptor`, and closes it.
  LineReader(Loop& loop, Descriptor descriptor, const LineReaderOptions& options = {});
  LineReader(LineReader&&) noexcept;
  LineReader& operator=(LineReader&&) noexcept;
  ~LineReader();

  /// The next line; at the end of the input, a last line without a line feed also counts.
  /// Cancelling it, with when_any() for example, loses no byte.
  /// Outcomes: ok; timed_out; end_of_stream; closed: the loop drains, and no whole line has been
  /// read before; failed, from then on: a line is longer than max_message, or the descriptor cannot
  /// be read.
  [[nodiscard]] Task<ReceivedLine> receive(Duration within = forever);

 private:
  class State;

  std::unique_ptr<State> state_;
};

}  // namespace hallway
