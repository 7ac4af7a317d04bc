// SPDX-License-Identifier: Apache-2.0
//
// The settings of `hallway link`, from the command line and the config file of a hub. Flags take
// precedence.
#pragma once

#include <cstddef>
#include <expected>
#include <optional>
#include <string>
#include <vector>

#include <hallway/address.hpp>
#include <hallway/link.hpp>
#include <hallway/loop.hpp>

#include "cli/cli_fwd.hpp"
#include "hub/hub_config.hpp"
#include "hub/metrics_address.hpp"
#include "io/events.hpp"

namespace hallway::tool {

/// The values from the command line; empty members were not given.
struct LinkFlags {
  Verbosity verbosity;
  LoopOptions loop;
  std::optional<Address> hub;
  std::optional<std::string> config;
  std::optional<MetricsAddress> metrics;
  std::optional<int> ready_fd;
  std::vector<std::string> servers;
  std::vector<std::string> exports;  // LinkOptions::always, as with `hallway hub`
  std::vector<std::string> wanted_exports;
  std::vector<std::string> imports;
  std::optional<std::string> name;
  std::optional<std::string> user;
  std::optional<std::string> password_file;
  std::optional<std::string> token_file;
  std::optional<std::string> credentials;
  bool tls = false;
  std::optional<std::string> tls_ca;
  std::optional<std::string> tls_certificate;
  std::optional<std::string> tls_key;
  std::optional<Duration> first_wait;
  std::optional<Duration> max_wait;
  std::optional<Duration> connect_time;
  std::optional<Duration> heartbeat;
  std::optional<std::size_t> outbound;
  std::optional<std::size_t> inbound;
  bool drop_while_away = false;
  std::optional<OverflowPolicy> overflow;

  /// The current content of the config file, if one was named, overridden by these flags. The
  /// result has a link. Blocking: reads the named files.
  [[nodiscard]] std::expected<HubConfig, ConfigErrors> settings(
      ConfigRead when = ConfigRead::at_start) const;
};

/// Declares all flags. Once `verb` is parsed, `flags` is complete and free of contradictions.
void add_link_flags(CLI::App& verb, LinkFlags& flags);

}  // namespace hallway::tool
