// SPDX-License-Identifier: Apache-2.0
//
// A person at a terminal: libedit, with history, driven by the loop. What is shown goes through
// Output: a terminal that is stopped (Ctrl-S) stops neither the loop nor its signals.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "io/input.hpp"
#include "io/output.hpp"
#include "io/scoped_task.hpp"

namespace hallway::tool {

/// One at a time: it holds the terminal until it is destroyed. `output` outlives it.
class Prompt final : public Input {
 public:
  Prompt(Loop& loop, Output& output);
  ~Prompt() override;
  Prompt(const Prompt&) = delete;
  Prompt& operator=(const Prompt&) = delete;

  Task<Result<std::optional<std::string>>> next() override;

  /// Writes text where the prompt is, and the prompt with what was typed so far below it.
  void show(std::string_view text);

  /// The same for whatever `write` puts on the terminal.
  void aside(const std::function<void()>& write);

  /// The terminal has another size.
  void resize();

  /// Leaves the terminal to the shell as it was: the process is about to be stopped.
  void leave();

  /// The process goes on: once it is in the foreground, the terminal is taken and the line drawn
  /// again. Until then nothing is read, which the kernel would stop us for.
  void go_on();

  /// Keeps the lines that were typed for the next time.
  Result<void> save();

 private:
  struct Editor;

  /// There is no further line.
  std::optional<std::string> end();
  Task<> typed();
  ScopedTask come_back();

  Loop* loop_;
  std::unique_ptr<Editor> editor_;
  std::optional<ScopedTask> coming_back_;
  bool away_ = false;  // in the background
};

/// Whether Ctrl-Z would stop the process, if nobody caught it.
bool may_be_stopped();

/// Stops the process as Ctrl-Z does where nobody catches it, and returns when it goes on.
void stop_process();

}  // namespace hallway::tool
