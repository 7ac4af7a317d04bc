// SPDX-License-Identifier: Apache-2.0
//
// Reads lines of standard input, each a message, without blocking the loop.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include <hallway/error.hpp>
#include <hallway/loop.hpp>
#include <hallway/task.hpp>

namespace hallway::tool {

/// A source of lines: a pipe or file (LineReader), or a person at a terminal (Prompt).
class Input {
 public:
  virtual ~Input() = default;

  /// The next line without its newline, or nullopt at the end of input. One task at a time.
  /// @errors message_size: a line over the limit
  virtual Task<Result<std::optional<std::string>>> next() = 0;
};

class LineReader final : public Input {
 public:
  /// @param most      bytes in a line
  /// @param who_says  names the limit in the error message
  LineReader(Loop& loop, std::size_t most, std::string_view who_says = "--max-message")
      : loop_(&loop), most_(most), who_says_(who_says) {}

  Task<Result<std::optional<std::string>>> next() override;

 private:
  std::optional<std::string> take_line();
  Result<void> read_some();
  [[nodiscard]] Error too_long() const;

  Loop* loop_;
  std::size_t most_;
  std::string_view who_says_;
  std::string buffer_;
  std::size_t taken_ = 0;    // leading bytes of buffer_ already returned
  std::size_t scanned_ = 0;  // leading bytes of buffer_ known to hold no further newline
  bool ended_ = false;
};

}  // namespace hallway::tool
