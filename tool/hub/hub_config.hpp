// SPDX-License-Identifier: Apache-2.0
//
// The config file of a hub, in TOML: packaging/hub.toml has every key. Keys are called as what
// they set in HubOptions, HubLimits and HubRules; values are written as flags take them. Nothing in
// a file is passed over: a key that is not known is as wrong as a value that cannot be read.
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

#include "hub/metrics_address.hpp"
#include "io/config_file.hpp"

namespace hallway::tool {

struct MetricsConfig {
  std::optional<MetricsAddress> address;  ///< nothing: no metrics
  // Of the socket file, where it is one.
  unsigned mode = defaults::mode;
  std::string owner;
  std::string group;
  /// Most subscriptions that are shown one by one.
  std::size_t subscriptions = 20;
};

struct HubConfig {
  std::optional<Address> address;
  HubOptions hub;
  MetricsConfig metrics;
  std::optional<LinkOptions> link;  ///< nothing: no link
  bool sandbox = true;              ///< see sandbox.hpp
  bool blank = false;               ///< nothing was in the file: everything is as by default
};

/// All that is wrong with a file. The subject of each names the place: "hub.toml:12:
/// delivery[0].policy".
using ConfigErrors = std::vector<Error>;

/// @param name  of the file, for errors
std::expected<HubConfig, ConfigErrors> parse_hub_config(std::string_view text,
                                                        const std::string& name);

/// @errors one where the file cannot be read, as read_config_file() says
std::expected<HubConfig, ConfigErrors> read_hub_config(const std::string& path,
                                                       ConfigRead when = ConfigRead::at_start);

/// The keys in which two configs differ and that a running hub cannot change: all but its rules.
std::vector<std::string> fixed_differences(const HubConfig& one, const HubConfig& other);

}  // namespace hallway::tool
