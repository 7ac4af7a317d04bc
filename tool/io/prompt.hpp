// SPDX-License-Identifier: Apache-2.0
//
// Line editing at a terminal: libedit with history, driven by the loop. Everything shown goes
// through Output, so a stopped terminal (Ctrl-S) blocks neither the loop nor its signals.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include <hallway/loop.hpp>
#include <hallway/task.hpp>
#include <hallway/task_handle.hpp>
#include <hallway/task_scope.hpp>

#include "io/input.hpp"
#include "io/output.hpp"

namespace hallway::tool {

/// Only one may exist at a time: it owns the terminal until it is destroyed. `output` outlives it.
class Prompt final : public Input {
 public:
  Prompt(Loop& loop, Output& output);
  ~Prompt() override;
  Prompt(const Prompt&) = delete;
  Prompt& operator=(const Prompt&) = delete;

  Task<Result<std::optional<std::string>>> next() override;

  /// Writes text in place of the prompt, and redraws the prompt and the typed line below it.
  void show(std::string_view text);

  /// The same for anything that `write` puts on the terminal.
  void aside(const std::function<void()>& write);

  /// To be called when the size of the terminal has changed.
  void resize();

  /// Restores the terminal's mode for the shell, before the process is stopped.
  void leave();

  /// To be called when the process continues. Once it is in the foreground, the terminal's mode is
  /// set and the line redrawn. Until then nothing is read: the kernel stops a background job that
  /// reads.
  void go_on();

  /// Saves the typed lines as history for the next time.
  Result<void> save();

 private:
  struct Editor;

  /// Ends the input.
  std::optional<std::string> end();
  Task<> typed();
  Task<> come_back();

  Loop* loop_;
  std::unique_ptr<Editor> editor_;
  bool away_ = false;  // in the background
  TaskHandle coming_back_;
  TaskScope tasks_;
};

/// Whether Ctrl-Z would stop the process if it did not catch SIGTSTP.
bool may_be_stopped();

/// Stops the process with the default action of SIGTSTP, and returns when it continues.
void stop_process();

}  // namespace hallway::tool
