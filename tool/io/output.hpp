// SPDX-License-Identifier: Apache-2.0
//
// Standard output of a verb with a loop: a reader that is slow must not stop the loop, and one
// that went away must not kill the server.
#pragma once

#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>

#include <hallway/error.hpp>
#include <hallway/loop.hpp>
#include <hallway/task.hpp>

#include "io/json_line.hpp"
#include "io/scoped_task.hpp"
#include "io/stream_writer.hpp"

namespace hallway::tool {

/// The line in which a message is printed: as it is, or escaped for a terminal; with a newline.
std::string printed_line(std::string_view message, bool escape);

/// A member of a message's JSON object: text as "data", what is no UTF-8 as "data_base64".
void add_data(nlohmann::ordered_json& object, std::string_view bytes);

/// The line in which --json prints a message.
/// @param connection  its number, or 0 for none
std::string json_line(std::string_view message, std::uint64_t connection);

class Output {
 public:
  /// @param watched  whether on_end() is told that the reader went away before anything is written
  ///                 to it; without it, standard output is not touched until the first write()
  /// Throws std::system_error where no descriptor or thread is to be had.
  Output(Loop& loop, bool watched);

  [[nodiscard]] bool is_terminal() const noexcept { return is_terminal_; }

  /// Queues bytes; they are written as fast as standard output takes them.
  void write(std::string_view bytes);

  /// Gives what is queued to the thread that writes it now, and not in the loop's next turn.
  void hand_over();

  /// Lets the thread that writes run `action` before it writes anything more; without a thread,
  /// nothing is done.
  void run_in_thread(std::function<void()> action);

  /// Completes while little is queued: whoever prints for a peer awaits it, so that a slow reader
  /// of our output slows down the peers and costs no memory.
  Task<> room();

  /// Completes when everything queued so far has been given to the kernel. False: it never will be,
  /// or not all of it.
  Task<bool> written();

  /// Runs the loop until everything is written, after a task stopped it, and no longer than a
  /// drain takes: a reader may never take it. The exit status; what failed was told.
  int finish();

  /// Calls `action` when standard output cannot be written any more: it failed, or its reader is
  /// gone.
  void on_end(std::function<void()> action) { on_end_ = std::move(action); }

  /// Why, unless the reader merely went away.
  [[nodiscard]] const std::optional<Error>& error() const noexcept { return error_; }

 private:
  /// Somebody who waits until so many bytes have been written since the beginning.
  struct Waiting {
    std::uint64_t until;
    Event happened;
  };

  void open();
  ScopedTask hear();
  Task<> flush();
  ScopedTask give_up();
  Task<> written(std::uint64_t until);
  void end(int code);
  void wake();

  Loop* loop_;
  std::optional<StreamWriter> writer_;  // from the first write on, or the beginning
  std::string queue_;                   // for the writer, once it has done what it has
  std::uint64_t queued_ever_ = 0;
  std::uint64_t written_ever_ = 0;
  // Its tasks may be ended after it.
  std::shared_ptr<std::list<Waiting*>> waiting_ = std::make_shared<std::list<Waiting*>>();
  std::optional<Error> error_;
  std::function<void()> on_end_;
  bool is_terminal_;
  bool flushing_ = false;
  bool ended_ = false;
  std::optional<ScopedTask> hearing_;
};

/// Writes all of it to standard output, waiting as long as it takes: for verbs without a loop.
/// @errors broken_pipe: the reader went away
Result<void> write_out(std::string_view bytes);

/// The same as the last thing that a verb does; the exit status. A reader that has seen enough
/// is not a failure.
int print_and_end(std::string_view bytes);

/// The exit status of a verb that ended with `status`, after closing standard output: a disk across
/// a network tells only then that it is full.
int close_output(int status);

}  // namespace hallway::tool
