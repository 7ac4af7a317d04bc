// SPDX-License-Identifier: Apache-2.0
//
// Flags of the verbs that listen: who may connect, and how they begin and go on.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include <hallway/address.hpp>
#include <hallway/limits.hpp>
#include <hallway/peer.hpp>

#include "cli/cli_fwd.hpp"

namespace hallway::tool {

/// What was said about a name that is listened on; nothing: nothing was.
struct Listening {
  std::optional<unsigned> mode;
  std::optional<std::string> owner;
  std::optional<std::string> group;
  std::vector<AllowRule> allow;
  std::optional<PathLost> on_path_lost;
  bool takeover = false;
  std::optional<int> ready_fd;
  bool sandbox = true;
};

/// --mode, --owner, --group and --allow.
void add_admission(CLI::App& verb, Listening& listening);

/// @param when  as the help text has it
void add_ready_fd(CLI::App& verb, std::optional<int>& ready_fd, const std::string& when);

/// --ready-fd, --takeover, --on-path-lost and --no-sandbox.
void add_service(CLI::App& verb, Listening& listening);

/// The address to listen on in a word; a usage error that names it where it is none, or where it
/// cannot be taken over.
Address read_listening_address(const std::string& word, bool takeover);

}  // namespace hallway::tool
