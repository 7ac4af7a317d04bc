// SPDX-License-Identifier: Apache-2.0
//
// A verb is the word after `hallway`. Each has its own file.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "cli/cli_fwd.hpp"

namespace hallway::tool {

/// Runs a verb after its flags were parsed. Returns the exit status.
using Run = std::function<int()>;

/// The words after "--" on the command line; nullopt without "--".
using TrailingArgs = std::optional<std::vector<std::string>>;

// Each declares the flags of a verb, and returns the function that runs it.
Run add_serve(CLI::App& verb, const TrailingArgs& rest);
Run add_connect(CLI::App& verb, const TrailingArgs& rest);
Run add_send(CLI::App& verb, const TrailingArgs& rest);
Run add_request(CLI::App& verb, const TrailingArgs& rest);
Run add_wait(CLI::App& verb, const TrailingArgs& rest);
Run add_diagnose(CLI::App& verb, const TrailingArgs& rest);
Run add_hub(CLI::App& verb, const TrailingArgs& rest);
Run add_publish(CLI::App& verb, const TrailingArgs& rest);
Run add_reply(CLI::App& verb, const TrailingArgs& rest);
Run add_subscribe(CLI::App& verb, const TrailingArgs& rest);
Run add_link(CLI::App& verb, const TrailingArgs& rest);
Run add_link_watcher(CLI::App& verb, const TrailingArgs& rest);
Run add_link_worker(CLI::App& verb, const TrailingArgs& rest);
Run add_bench(CLI::App& verb, const TrailingArgs& rest);
Run add_completions(CLI::App& verb, const TrailingArgs& rest);

struct Verb {
  const char* name;
  const char* summary;
  const char* arguments;
  Run (*add)(CLI::App&, const TrailingArgs&);
};

/// All verbs listed in the help text, in that order.
const std::vector<Verb>& verbs();

}  // namespace hallway::tool
