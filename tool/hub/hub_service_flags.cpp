// SPDX-License-Identifier: Apache-2.0
#include "hub/hub_service_flags.hpp"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <memory>
#include <utility>

#include <hallway/hub_address.hpp>
#include <hallway/limits.hpp>
#include <hallway/server_url.hpp>

#include "cli/add_value.hpp"
#include "cli/flags.hpp"
#include "hub/listen_address.hpp"
#include "io/report.hpp"

namespace hallway::tool {

namespace {

void add_config(CLI::App& verb, HubServiceFlags& flags) {
  add_setting(verb, "--config", "FILE", read_text, flags.config,
              "Read the settings from FILE; flags take precedence. SIGHUP reads it again");
  add_setting(verb, "--check-config", "FILE", read_text, flags.check_config,
              "Print the errors in FILE, and exit: 0 without errors, else 2");
  add_setting(verb, "--name", "NAME", read_text, flags.name,
              "Name of the hub for its clients (default: its address)");
}

void add_limits(CLI::App& verb, HubServiceFlags& flags) {
  const HubLimits limits;
  add_setting(verb, "--max-message", "SIZE", read_message_size, flags.max_message,
              fmt::format("Largest message, including its headers (default {})",
                          write_size(limits.max_payload)));
  add_setting(
      verb, "--max-connections", "N", read_count, flags.max_connections,
      fmt::format("Most connections; more clients wait (default {})", limits.max_connections));
  add_setting(verb, "--max-per-uid", "N", read_count, flags.max_connections_per_uid,
              fmt::format("Most connections of one user; more are turned away (default {})",
                          limits.max_connections_per_uid));
  add_setting(verb, "--max-memory", "SIZE", read_size, flags.max_memory,
              fmt::format("Most memory kept for all clients together (default {})",
                          write_size(limits.max_memory)));
}

/// An error shows the URL without its password.
Read<std::string> read_link(const std::string& text) {
  auto url = read_server_url(text);
  if (!url) refuse_value("--link " + printable(ServerUrl::without_secrets(text)), url.error());
  return url;
}

void add_link(CLI::App& verb, HubServiceFlags& flags) {
  add_list(verb, "--link", "URL", read_link, flags.servers,
           "Link the hub to a cluster of NATS servers, as nats://HOST:PORT");
  add_list(verb, "--export", "SUBJECT", read_link_pattern, flags.exports,
           "Forward SUBJECT to the cluster; * and > as in subscriptions, except below $SYS and "
           "_HALLWAY");
  add_list(verb, "--import", "SUBJECT", read_link_pattern, flags.imports,
           "Forward SUBJECT from the cluster while a client subscribes to it, with the same "
           "exceptions");
}

void add_listen(CLI::App& verb, HubServiceFlags& flags) {
  add_list(
      verb, "--listen", "TCP-ADDRESS", read_listen_address, flags.listen,
      "Also accept NATS clients over TCP, at tcp:127.0.0.1:PORT or tcp:[::1]:PORT, or on the "
      "inherited socket fd:N or activation[:NAME]; the kernel reports their uid, but no group");
  add_switch(verb, "--listen-anywhere", flags.listen_anywhere,
             "Let --listen have addresses that other machines reach; nothing is encrypted, and of "
             "their clients no user is known, so that only --allow any admits them");
}

/// An address that other machines reach has to be meant, and none is given twice.
std::optional<Error> check_listen(const HubOptions& hub, bool anywhere_is_flag) {
  const auto failure = [](std::string_view subject, const Unread& why) {
    Error error = error_of(std::errc::invalid_argument, "listen", subject, why.why);
    error.hint = why.hint;
    return error;
  };
  if (anywhere_is_flag && hub.listen.empty()) {
    return failure("--listen-anywhere", Unread("requires --listen"));
  }
  if (const auto twice = given_twice(hub.listen)) return failure(*twice, Unread("is given twice"));
  const auto outside = reachable_from_outside(hub.listen);
  if (hub.listen_anywhere || !outside) return std::nullopt;
  return failure(*outside, refused_from_outside());
}

/// Beside --check-config only the output flags are allowed: all others would have no effect.
void check_alone(const CLI::App& verb) {
  constexpr std::array output_flags = {"--check-config", "--json", "--quiet", "--verbose"};
  for (const std::string& name : given_flags(verb)) {
    if (std::ranges::find(output_flags, name) == output_flags.end()) {
      refuse_flags("--check-config " + name, "--check-config does not start a hub");
    }
  }
}

}  // namespace

std::expected<HubConfig, ConfigErrors> HubServiceFlags::settings(ConfigRead when) const {
  auto read = config ? read_hub_config(*config, when) : HubConfig();
  if (!read) return read;
  HubOptions& hub = read->hub;
  override_with(name, hub.name);
  override_with(listening.mode, hub.file.mode);
  override_with(listening.owner, hub.file.owner);
  override_with(listening.group, hub.file.group);
  override_with(listening.allow, hub.rules.allow);
  override_with(listening.on_path_lost, hub.on_path_lost);
  if (listening.takeover) hub.takeover = true;
  if (!listening.sandbox) read->sandbox = false;
  override_with(max_message, hub.limits.max_payload);
  override_with(max_connections, hub.limits.max_connections);
  override_with(max_connections_per_uid, hub.limits.max_connections_per_uid);
  override_with(max_memory, hub.limits.max_memory);
  override_with(listen, hub.listen);
  if (listen_anywhere) hub.listen_anywhere = true;
  if (auto error = check_listen(hub, listen_anywhere)) {
    return std::unexpected(ConfigErrors{std::move(*error)});
  }
  if (address) read->address = address;
  if (metrics) read->metrics.address = metrics;
  if (!servers.empty() && !read->link) read->link.emplace();
  if (!read->link && !(exports.empty() && imports.empty())) {
    const char* flag = exports.empty() ? "--import" : "--export";
    return std::unexpected(ConfigErrors{error_of(std::errc::invalid_argument, "config", *config,
                                                 std::string("no [link] section for ") + flag)});
  }
  if (read->link) {
    override_with(servers, read->link->urls);
    override_with(exports, read->link->always);
    override_with(imports, read->link->imports);
  }
  return read;
}

void add_hub_service_flags(CLI::App& verb, HubServiceFlags& flags) {
  auto word = std::make_shared<std::string>();
  add_argument(verb, "ADDRESS", *word, "Where to listen: a path, @name, fd:N or activation[:NAME]");
  add_verbosity(verb, flags.verbosity, "Also log minor events");
  add_config(verb, flags);
  add_listen(verb, flags);
  add_admission(verb, flags.listening);
  add_limits(verb, flags);
  add_value(
      verb, "--metrics", "ADDRESS", read_metrics_address,
      [&](MetricsAddress address) { flags.metrics = std::move(address); },
      "Serve Prometheus metrics at 127.0.0.1:PORT or on a Unix socket, as /metrics");
  add_link(verb, flags);
  add_spin(verb, flags.loop);
  add_service(verb, flags.listening);
  on_parsed(verb, [&verb, &flags, word] {
    if (!word->empty()) flags.address = read_listening_address(*word, flags.listening.takeover);
    if (flags.check_config) check_alone(verb);
    const bool unlinked = flags.servers.empty() && !flags.config;
    if (unlinked && !flags.exports.empty()) refuse_flags("--export", "requires --link");
    if (unlinked && !flags.imports.empty()) refuse_flags("--import", "requires --link");
  });
}

Address listening_address(const HubConfig& config) {
  if (config.address) return *config.address;
  const std::string word = hub::default_listening_address();
  const char* named = std::getenv("HALLWAY_HUB");
  if (named != nullptr && word == named) return read_address(word);
  // The directory is of Hallway's own: the one of the system is for all users, and one in a user's
  // runtime directory for that user.
  if (word != defaults::hub_address) {
    const std::string directory = word.substr(0, word.rfind('/'));
    const mode_t mode = word == defaults::system_hub_address ? 0755 : 0700;
    // The umask takes away what others need.
    if (::mkdir(directory.c_str(), mode) == 0) (void)::chmod(directory.c_str(), mode);
  }
  return read_address(word);
}

}  // namespace hallway::tool
