// SPDX-License-Identifier: Apache-2.0
#include "cli/handler_flags.hpp"

#include <fmt/format.h>

#include <utility>

#include "cli/add_value.hpp"
#include "io/values.hpp"

namespace hallway::tool {

void add_handler(CLI::App& verb, HandlerFlags& flags, const std::string& help) {
  add_value(
      verb, "--handler", "CMD", read_text,
      [&](std::string command) { flags.command = std::move(command); }, help);
  add_value(
      verb, "--handlers", "N", read_count, [&](std::size_t count) { flags.processes = count; },
      fmt::format("Most CMDs at once (default {})", HandlerFlags::default_processes))
      .needs("--handler");
  add_value(
      verb, "--handler-timeout", "TIME", read_time_span, [&](Duration time) { flags.time = time; },
      "Kill a CMD that takes longer (default " + write_duration(HandlerFlags::default_time) + ")")
      .needs("--handler");
}

}  // namespace hallway::tool
