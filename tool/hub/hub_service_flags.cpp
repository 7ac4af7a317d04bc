// SPDX-License-Identifier: Apache-2.0
#include "hub/hub_service_flags.hpp"

#include <fmt/format.h>

#include <memory>
#include <utility>

#include <hallway/limits.hpp>
#include <hallway/server_url.hpp>

#include "cli/add_value.hpp"
#include "cli/flags.hpp"
#include "io/report.hpp"

namespace hallway::tool {

namespace {

void add_config(CLI::App& verb, HubServiceFlags& flags) {
  add_value(
      verb, "--config", "FILE", read_text,
      [&](std::string file) { flags.config = std::move(file); },
      "Read limits, permissions and the rest from FILE; flags win. SIGHUP reads it again");
  add_value(
      verb, "--check-config", "FILE", read_text,
      [&](std::string file) { flags.check_config = std::move(file); },
      "Say what is wrong with FILE, and exit: 0 for nothing, else 2");
  add_value(
      verb, "--name", "NAME", read_text, [&](std::string name) { flags.name = std::move(name); },
      "What the hub calls itself to its clients (default: its address)");
}

void add_limits(CLI::App& verb, HubServiceFlags& flags) {
  const HubLimits limits;
  add_value(
      verb, "--max-message", "SIZE", read_message_size,
      [&](std::size_t size) { flags.max_message = size; },
      fmt::format("Largest message, its headers counted (default {})",
                  write_size(limits.max_payload)));
  add_value(
      verb, "--max-connections", "N", read_count,
      [&](std::size_t count) { flags.max_connections = count; },
      fmt::format("Above it, clients wait (default {})", limits.connections));
  add_value(
      verb, "--max-per-uid", "N", read_count, [&](std::size_t count) { flags.max_per_uid = count; },
      fmt::format("Above it, clients of that user are turned away (default {})",
                  limits.connections_per_uid));
  add_value(
      verb, "--max-memory", "SIZE", read_size, [&](std::size_t size) { flags.max_memory = size; },
      fmt::format("Bytes that all clients together may make it keep (default {})",
                  write_size(limits.memory)));
}

/// An error shows the URL without its password.
Read<std::string> read_link(const std::string& text) {
  auto url = read_server_url(text);
  if (!url) throw Refused("--link " + printable(ServerUrl::without_secrets(text)), url.error());
  return url;
}

void add_link(CLI::App& verb, HubServiceFlags& flags) {
  constexpr auto all = CLI::MultiOptionPolicy::TakeAll;
  add_value(
      verb, "--link", "URL", read_link,
      [&](std::string url) { flags.servers.push_back(std::move(url)); },
      "Link the hub to a cluster of NATS servers, as nats://HOST:PORT. Repeatable")
      ->multi_option_policy(all);
  add_value(
      verb, "--export", "SUBJECT", read_link_pattern,
      [&](std::string pattern) { flags.exports.push_back(std::move(pattern)); },
      "What goes to the cluster; * and > as in subscriptions, less what is below $SYS and "
      "_HALLWAY. Repeatable")
      ->multi_option_policy(all);
  add_value(
      verb, "--import", "SUBJECT", read_link_pattern,
      [&](std::string pattern) { flags.imports.push_back(std::move(pattern)); },
      "What comes from there, as far as somebody subscribes to it, less the same. Repeatable")
      ->multi_option_policy(all);
}

/// Beside --check-config only the output flags are allowed: all others would have no effect.
void check_alone(const CLI::App& verb) {
  for (const CLI::Option* option : verb.get_options()) {
    const std::string name = option->get_name();
    const bool belongs = name == "--check-config" || name == "--json" ||
                         option->check_name("--quiet") || option->check_name("--verbose");
    if (option->count() > 0 && !belongs) {
      refuse_flags("--check-config " + name, "no hub is started");
    }
  }
}

}  // namespace

std::expected<HubConfig, ConfigErrors> HubServiceFlags::settings(ConfigRead when) const {
  auto read = config ? read_hub_config(*config, when) : HubConfig();
  if (!read) return read;
  HubOptions& hub = read->hub;
  const auto win = [](const auto& said, auto& setting) {
    if (said) setting = *said;
  };
  win(name, hub.name);
  win(listening.mode, hub.mode);
  win(listening.owner, hub.owner);
  win(listening.group, hub.group);
  if (!listening.allow.empty()) hub.rules.allow = listening.allow;
  win(listening.on_path_lost, hub.on_path_lost);
  if (listening.takeover) hub.takeover = true;
  if (!listening.sandbox) read->sandbox = false;
  win(max_message, hub.limits.max_payload);
  win(max_connections, hub.limits.connections);
  win(max_per_uid, hub.limits.connections_per_uid);
  win(max_memory, hub.limits.memory);
  if (address) read->address = address;
  if (metrics) read->metrics.address = metrics;
  if (!servers.empty() && !read->link) read->link.emplace();
  if (!read->link && !(exports.empty() && imports.empty())) {
    const char* flag = exports.empty() ? "--import" : "--export";
    return std::unexpected(ConfigErrors{error_of(std::errc::invalid_argument, "config", *config,
                                                 std::string("no [link] for ") + flag)});
  }
  if (read->link) {
    if (!servers.empty()) read->link->urls = servers;
    if (!exports.empty()) read->link->always = exports;
    if (!imports.empty()) read->link->imports = imports;
  }
  return read;
}

void add_hub_service_flags(CLI::App& verb, HubServiceFlags& flags) {
  auto word = std::make_shared<std::string>();
  verb.add_option("ADDRESS", *word, "Where to listen: a path, @name, fd:N or activation[:NAME]")
      ->type_name("");
  add_wordiness(verb, flags.wordiness);
  add_config(verb, flags);
  add_admission(verb, flags.listening);
  add_limits(verb, flags);
  add_value(
      verb, "--metrics", "ADDRESS", read_metrics_address,
      [&](MetricsAddress address) { flags.metrics = std::move(address); },
      "Serve Prometheus metrics at 127.0.0.1:PORT or on a Unix socket, as /metrics");
  add_link(verb, flags);
  add_spin(verb, flags.loop);
  add_service(verb, flags.listening);
  verb.final_callback([&verb, &flags, word] {
    if (!word->empty()) flags.address = read_listening_address(*word, flags.listening.takeover);
    if (flags.check_config) check_alone(verb);
    const bool unlinked = flags.servers.empty() && !flags.config;
    if (unlinked && !flags.exports.empty()) refuse_flags("--export", "it needs --link");
    if (unlinked && !flags.imports.empty()) refuse_flags("--import", "it needs --link");
  });
}

Address hub_address(const HubConfig& config) {
  return config.address ? *config.address : read_address(default_hub_address());
}

}  // namespace hallway::tool
