// SPDX-License-Identifier: Apache-2.0
//
// A person at a terminal: libedit, with history, driven by the loop.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "input.hpp"

namespace hallway::tool {

/// One at a time: it holds the terminal until it is destroyed.
class Prompt final : public Input {
 public:
  explicit Prompt(Loop& loop);
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

 private:
  struct Editor;

  /// There is no further line.
  std::optional<std::string> end();

  Loop* loop_;
  std::unique_ptr<Editor> editor_;
};

}  // namespace hallway::tool
