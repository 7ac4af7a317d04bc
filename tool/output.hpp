// SPDX-License-Identifier: Apache-2.0
//
// Standard output of a verb with a loop: a reader that is slow must not stop the loop, and one
// that went away must not kill the server.
#pragma once

#include <cstdint>
#include <functional>
#include <list>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>

#include <hallway/error.hpp>
#include <hallway/loop.hpp>
#include <hallway/task.hpp>

#include "background.hpp"

namespace hallway::tool {

/// The line in which a message is printed: as it is, or escaped for a terminal; with a newline.
std::string printed_line(std::string_view message, bool escape);

/// A member of a message's JSON object: text as "data", what is no UTF-8 as "data_base64".
void add_data(nlohmann::ordered_json& object, std::string_view bytes);

/// An object as a line, in ASCII.
std::string json_line(const nlohmann::ordered_json& object);

/// The line in which --json prints a message.
/// @param connection  its number, or 0 for none
std::string json_line(std::string_view message, std::uint64_t connection);

class Output {
 public:
  explicit Output(Loop& loop);

  [[nodiscard]] bool is_terminal() const noexcept { return is_terminal_; }

  /// Queues bytes; they are written as fast as standard output takes them.
  void write(std::string_view bytes);

  /// Completes while little is queued: whoever prints for a peer awaits it, so that a slow reader
  /// of our output slows down the peers and costs no memory.
  Task<> room();

  /// Completes when everything queued so far is written, or never will be.
  Task<> written();

  /// Whether something is queued.
  [[nodiscard]] bool is_writing() const noexcept { return flushing_; }

  /// Calls `action` when standard output cannot be written any more.
  void on_end(std::function<void()> action) { on_end_ = std::move(action); }

  /// Why, unless the reader merely went away.
  [[nodiscard]] const std::optional<Error>& error() const noexcept { return error_; }

 private:
  Task<> flush();
  bool write_some();
  void end(int code);

  /// Somebody who waits until so many bytes have been written since the beginning.
  struct Waiting {
    std::uint64_t until;
    Occurrence happened;
  };

  void wake();

  Loop* loop_;
  std::string queue_;
  std::size_t written_ = 0;
  std::uint64_t queued_ever_ = 0;
  std::uint64_t written_ever_ = 0;
  std::list<Waiting*> waiting_;  // in the order of what they wait for
  std::size_t at_once_;
  std::optional<Error> error_;
  std::function<void()> on_end_;
  bool is_terminal_;
  bool flushing_ = false;
  bool ended_ = false;
};

/// Writes all of it to standard output, waiting as long as it takes: for verbs without a loop.
/// @errors broken_pipe: the reader went away
Result<void> write_out(std::string_view bytes);

}  // namespace hallway::tool
