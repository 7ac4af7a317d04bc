// SPDX-License-Identifier: Apache-2.0
//
// The settings of `hallway hub`, from the command line and its config file. Flags take precedence.
#pragma once

#include <cstddef>
#include <expected>
#include <optional>
#include <string>
#include <vector>

#include <hallway/address.hpp>
#include <hallway/loop.hpp>

#include "cli/cli_fwd.hpp"
#include "cli/listening_flags.hpp"
#include "hub/hub_config.hpp"
#include "hub/metrics_address.hpp"
#include "io/events.hpp"

namespace hallway::tool {

/// The values from the command line; empty members were not given.
struct HubServiceFlags {
  Verbosity verbosity;
  LoopOptions loop;
  std::optional<Address> address;
  std::optional<std::string> config;
  std::optional<std::string> check_config;
  std::optional<std::string> name;
  Listening listening;
  std::optional<std::size_t> max_message;
  std::optional<std::size_t> max_connections;
  std::optional<std::size_t> max_connections_per_uid;
  std::optional<std::size_t> max_memory;
  std::optional<MetricsAddress> metrics;
  std::vector<std::string> listen;
  bool listen_anywhere = false;
  std::vector<std::string> servers;  // of the link
  std::vector<std::string> exports;
  std::vector<std::string> imports;

  /// The current content of the config file, if one was named, overridden by these flags.
  [[nodiscard]] std::expected<HubConfig, ConfigErrors> settings(
      ConfigRead when = ConfigRead::at_start) const;
};

/// Declares all flags. Once `verb` is parsed, `flags` is complete and free of contradictions.
void add_hub_service_flags(CLI::App& verb, HubServiceFlags& flags);

/// Where a hub listens: at the configured address, or at hub::default_listening_address(), whose
/// directory is made if it is missing. If that fails, listening reports it.
Address listening_address(const HubConfig& config);

}  // namespace hallway::tool
