// SPDX-License-Identifier: Apache-2.0
//
// --handler: a shell command that answers messages, one process per message.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <hallway/error.hpp>
#include <hallway/limits.hpp>
#include <hallway/loop.hpp>
#include <hallway/semaphore.hpp>
#include <hallway/task.hpp>

namespace hallway::tool {

/// Limits on all processes together, and on each.
struct HandlerLimits {
  std::size_t processes;  ///< maximum at once; later messages wait in order
  Duration time;          ///< maximum run time of one process, which is then killed
  std::size_t answer;     ///< maximum bytes that one may print; above, it is killed
};

class Handler {
 public:
  Handler(Loop& loop, std::string command, HandlerLimits limits);

  /// The output of the command for this message, without one final newline; nullopt if it printed
  /// nothing. `message` is borrowed until the task ends.
  /// @param environment  NAME=VALUE entries for the command
  /// @errors timed_out; message_size: it printed too much; not_enough_memory: for its output;
  ///         io_error: it failed; otherwise it could not be started
  Task<Result<std::optional<std::string>>> answer(std::string_view message,
                                                  std::vector<std::string> environment);
  Task<Result<std::optional<std::string>>> answer(std::string_view message);

 private:
  [[nodiscard]] Error failure(std::errc code, std::string_view reason) const;

  Loop* loop_;
  std::string command_;
  HandlerLimits limits_;
  Semaphore places_;
};

}  // namespace hallway::tool
