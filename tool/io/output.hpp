// SPDX-License-Identifier: Apache-2.0
//
// Standard output of a verb with a loop. A slow reader must not block the loop, and a reader that
// is gone must not kill the server.
#pragma once

#include <cstdint>
#include <functional>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>

#include <hallway/error.hpp>
#include <hallway/loop.hpp>
#include <hallway/semaphore.hpp>
#include <hallway/task.hpp>
#include <hallway/task_scope.hpp>

#include "io/json_line.hpp"
#include "io/stream_writer.hpp"

namespace hallway::tool {

/// A message as a printed line with its newline: unchanged, or escaped for a terminal.
std::string printed_line(std::string_view message, bool escape);

/// Adds the payload of a message to its JSON object: as "data", or as "data_base64" if it is not
/// UTF-8.
void add_data(nlohmann::ordered_json& object, std::string_view bytes);

/// A message as a line of --json.
/// @param connection  the number of the connection, or 0 for none
std::string json_line(std::string_view message, std::uint64_t connection);

class Output {
 public:
  /// @param watched  whether on_end() reports a reader that goes away before the first write(). If
  ///                 false, standard output is not touched until then.
  /// Throws std::system_error if no descriptor or thread is available.
  Output(Loop& loop, bool watched);

  [[nodiscard]] bool is_terminal() const noexcept { return is_terminal_; }

  /// Queues bytes, which are written as fast as standard output accepts them.
  void write(std::string_view bytes);

  /// Passes the queue to the writing thread now, and not in the loop's next turn.
  void hand_over();

  /// Runs `action` in the writing thread before its next write. Does nothing without a thread.
  void run_in_thread(std::function<void()> action);

  /// Completes when the queue is below its limit. A task that prints for a peer awaits it: a slow
  /// reader of the output then slows down the peers, and the queue does not grow.
  Task<> room();

  /// Completes when everything queued so far was passed to the kernel.
  /// @return false if some of it can never be written
  Task<bool> written();

  /// After a task stopped the loop, runs it again until everything is written, and at most for
  /// ServerLimits::drain_time, because the reader may never read it.
  /// @return the exit status; a failure has been reported
  int finish();

  /// Calls `action` when standard output can no longer be written: a write failed, or its reader is
  /// gone.
  void on_end(std::function<void()> action) { on_end_ = std::move(action); }

  /// The error that ended the output; none if the reader went away.
  [[nodiscard]] const std::optional<Error>& error() const noexcept { return error_; }

 private:
  void open();
  Task<> follow_writer();
  Task<> flush();
  Task<> give_up();
  Task<> written(std::uint64_t until);
  void end(int code);

  Loop* loop_;
  std::optional<StreamWriter> writer_;  // made by the constructor or the first write()
  std::string queue_;                   // passed to the writer when it is ready for more
  std::uint64_t queued_ever_ = 0;
  std::uint64_t written_ever_ = 0;
  // follow_writer() holds the permit until something has been written, and then lets each task that
  // waits have it once. An Event would not do, because draining ends its waits.
  Semaphore change_;
  std::optional<Error> error_;
  std::function<void()> on_end_;
  bool is_terminal_;
  bool flushing_ = false;
  bool ended_ = false;
  TaskScope following_;
};

/// Writes all bytes to standard output, for verbs without a loop. Blocking: until all are written.
/// @errors broken_pipe: the reader is gone
Result<void> write_out(std::string_view bytes);

/// The same as the last step of a verb. A reader that went away is not a failure.
/// @return the exit status
int print_and_end(std::string_view bytes);

/// Closes standard output: a network file system may report a full disk only then.
/// @return the exit status of a verb that ended with `status`
int close_output(int status);

}  // namespace hallway::tool
