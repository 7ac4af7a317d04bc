// SPDX-License-Identifier: Apache-2.0
//
// Flags of the verbs that listen: admission, start and service.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include <hallway/address.hpp>
#include <hallway/limits.hpp>
#include <hallway/peer.hpp>

#include "cli/cli_fwd.hpp"

namespace hallway::tool {

/// The flags for a listening address. An unset member was not given.
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

/// @param when  for the help text: when the newline is written
void add_ready_fd(CLI::App& verb, std::optional<int>& ready_fd, const std::string& when);

/// --ready-fd, --takeover, --on-path-lost and --no-sandbox.
void add_service(CLI::App& verb, Listening& listening);

/// Parses the address to listen on. Throws a usage error that names the word if it is not one, or
/// if `takeover` is set and the address cannot be taken over.
Address read_listening_address(const std::string& word, bool takeover);

}  // namespace hallway::tool
