// SPDX-License-Identifier: Apache-2.0
//
// The config file of a hub, in TOML: packaging/hub.toml has every key. Each key sets a member of
// HubOptions, HubLimits or HubRules. Values are written as for flags. Nothing in a file is ignored:
// an unknown key is an error, as is a value that cannot be read.
#pragma once

#include <cstddef>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <hallway/address.hpp>
#include <hallway/error.hpp>
#include <hallway/hub.hpp>
#include <hallway/limits.hpp>
#include <hallway/link.hpp>
#include <hallway/listener.hpp>

#include "hub/metrics_address.hpp"
#include "io/config_file.hpp"

namespace hallway::tool {

struct MetricsConfig {
  std::optional<MetricsAddress> address;  ///< nullopt: no metrics
  SocketFileOptions file;                 // if the address is a path
  /// Maximum number of subscriptions that have metrics of their own.
  std::size_t subscriptions = 20;
};

struct HubConfig {
  std::optional<Address> address;
  HubOptions hub;
  MetricsConfig metrics;
  std::optional<LinkOptions> link;  ///< nullopt: no link
  bool sandbox = true;              ///< see server/sandbox.hpp
  bool blank = false;               ///< the file was empty: all settings are the defaults
};

/// All errors in a file. The subject of each names the place, such as "hub.toml:12:
/// delivery[0].policy".
using ConfigErrors = std::vector<Error>;

/// @param name  name of the file, for error messages
std::expected<HubConfig, ConfigErrors> parse_hub_config(std::string_view text,
                                                        const std::string& name);

/// @errors also the error of read_config_file(), alone, if the file cannot be read
std::expected<HubConfig, ConfigErrors> read_hub_config(const std::string& path,
                                                       ConfigRead when = ConfigRead::at_start);

/// The keys in which two configs differ and that need a restart: all but the rules.
std::vector<std::string> fixed_differences(const HubConfig& one, const HubConfig& other);

// A flag that was given overrides the setting in the file.

template <typename T, typename Setting>
void override_with(const std::optional<T>& given, Setting& setting) {
  if (given) setting = *given;
}

template <typename T>
void override_with(const std::vector<T>& given, std::vector<T>& setting) {
  if (!given.empty()) setting = given;
}

}  // namespace hallway::tool
