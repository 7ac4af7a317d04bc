// SPDX-License-Identifier: Apache-2.0
//
// --handler, --handlers and --handler-timeout, of the verbs that answer with a command's output.
#pragma once

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>

#include <hallway/limits.hpp>

#include "cli/cli_fwd.hpp"
#include "io/handler.hpp"

namespace hallway::tool {

struct HandlerFlags {
  static constexpr std::size_t default_processes = 8;
  static constexpr Duration default_time = std::chrono::seconds(30);

  std::optional<std::string> command;
  std::size_t processes = default_processes;
  Duration time = default_time;

  /// @param answer  the maximum bytes that a command may print
  [[nodiscard]] HandlerLimits limits(std::size_t answer) const {
    return {.processes = processes, .time = time, .answer = answer};
  }
};

/// @param help  the help text of --handler
void add_handler(CLI::App& verb, HandlerFlags& flags, const std::string& help);

}  // namespace hallway::tool
