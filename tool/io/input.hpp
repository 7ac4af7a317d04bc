// SPDX-License-Identifier: Apache-2.0
//
// Reads lines of standard input, each a message, without blocking the loop.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include <hallway/error.hpp>
#include <hallway/line_reader.hpp>
#include <hallway/loop.hpp>
#include <hallway/task.hpp>

namespace hallway::tool {

/// A source of lines: a pipe or file (InputLines), or a person at a terminal (Prompt).
class Input {
 public:
  virtual ~Input() = default;

  /// The next line without its newline, or nullopt at the end of input. One task at a time.
  /// @errors message_size: a line over the limit
  virtual Task<Result<std::optional<std::string>>> next() = 0;
};

/// All of standard input, or more than `most` bytes of it. Blocking: to its end.
Result<std::string> read_all_input(std::size_t most);

class InputLines final : public Input {
 public:
  /// @param most        bytes in a line
  /// @param limit_name  names the limit in the error message
  InputLines(Loop& loop, std::size_t most, std::string_view limit_name = "--max-message");

  /// The input also ends when the loop begins to drain.
  Task<Result<std::optional<std::string>>> next() override;

 private:
  LineReader lines_;
  std::size_t most_;
  std::string_view limit_name_;
};

}  // namespace hallway::tool
