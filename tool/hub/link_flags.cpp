// SPDX-License-Identifier: Apache-2.0
#include "hub/link_flags.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <utility>

#include <hallway/server_url.hpp>

#include "cli/add_value.hpp"
#include "cli/flags.hpp"
#include "cli/listening_flags.hpp"
#include "io/report.hpp"

namespace hallway::tool {

namespace {

/// An error shows the URL without its password.
Read<std::string> read_server(const std::string& text) {
  auto url = read_server_url(text);
  if (!url) refuse_value("--to " + printable(ServerUrl::without_secrets(text)), url.error());
  return url;
}

Read<OverflowPolicy> read_link_overflow(const std::string& text) {
  return read_overflow(text, link_policies, '-');
}

void add_subjects(CLI::App& verb, LinkFlags& flags) {
  add_list(verb, "--to", "URL", read_server, flags.servers,
           "A NATS server of the cluster, as nats://HOST:PORT or tls://HOST:PORT");
  add_list(verb, "--export", "SUBJECT", read_link_pattern, flags.exports,
           "Forward SUBJECT to the cluster; * and > as in subscriptions, except below $SYS and "
           "_HALLWAY");
  add_list(verb, "--export-wanted", "SUBJECT", read_link_pattern, flags.wanted_exports,
           "The same, but only while another hub of the cluster has subscribers for it");
  add_list(verb, "--import", "SUBJECT", read_link_pattern, flags.imports,
           "Forward SUBJECT from the cluster while a client subscribes to it, with the same "
           "exceptions");
}

void add_identity(CLI::App& verb, LinkFlags& flags) {
  add_setting(verb, "--name", "NAME", read_text, flags.name,
              "Name of the link for the servers (default " + LinkOptions().name + ")");
  add_setting(verb, "--user", "NAME", read_text, flags.user, "User name for the servers");
  add_setting(verb, "--password-file", "FILE", read_text, flags.password_file,
              "Read the password from the first line of FILE");
  add_setting(verb, "--token-file", "FILE", read_text, flags.token_file,
              "Read a token from the first line of FILE");
  add_setting(verb, "--credentials", "FILE", read_text, flags.credentials,
              "Read a JWT and its key from FILE, a .creds file");
  add_switch(verb, "--tls", flags.tls, "Encrypt also for URLs without tls://");
  add_setting(verb, "--tls-ca", "FILE", read_text, flags.tls_ca,
              "Trust the certificates in FILE instead of the system's");
  add_setting(verb, "--tls-certificate", "FILE", read_text, flags.tls_certificate,
              "Client certificate, with its chain");
  add_setting(verb, "--tls-key", "FILE", read_text, flags.tls_key, "Key of the client certificate");
}

void add_bounds(CLI::App& verb, LinkFlags& flags) {
  const LinkOptions link;
  const auto in_time = [](const char* what, Duration otherwise) {
    return fmt::format("{} (default {})", what, write_duration(otherwise));
  };
  const auto in_bytes = [](const char* what, std::size_t otherwise) {
    return fmt::format("{} (default {})", what, write_size(otherwise));
  };
  add_setting(verb, "--first-wait", "TIME", read_duration, flags.first_wait,
              in_time("Longest wait before the first attempt to reconnect; it is random",
                      link.reconnect.first_wait));
  add_setting(verb, "--most-wait", "TIME", read_time_span, flags.max_wait,
              in_time("Longest wait between attempts; the wait doubles until then",
                      link.reconnect.max_wait));
  add_setting(verb, "--connect-time", "TIME", read_time_span, flags.connect_time,
              in_time("Time limit for each attempt to connect", link.connect_time));
  add_setting(verb, "--heartbeat", "TIME", read_time_span, flags.heartbeat,
              in_time("Interval at which this hub announces itself to the others", link.heartbeat));
  add_setting(
      verb, "--outbound", "SIZE", read_room, flags.outbound,
      in_bytes("Most memory for messages that wait to be sent to the cluster", link.outbound));
  add_setting(verb, "--inbound", "SIZE", read_room, flags.inbound,
              in_bytes("Most memory for messages that wait to enter the hub", link.inbound));
  add_switch(verb, "--drop-while-away", flags.drop_while_away,
             "While no server is connected, drop messages and count them as lost");
  add_setting(verb, "--full", "drop-oldest|drop-newest", read_link_overflow, flags.overflow,
              "Which messages to drop when too many wait to be sent (default drop-newest)");
}

/// Reads a secret from a file. As a flag, lists of processes would show it.
Result<std::string> read_secret(const std::string& path, ConfigRead when) {
  auto text = read_config_file(path, when);
  if (!text) return std::unexpected(text.error());
  text->resize(std::min(text->size(), text->find('\n')));
  if (text->ends_with('\r')) text->pop_back();
  return text;
}

}  // namespace

std::expected<HubConfig, ConfigErrors> LinkFlags::settings(ConfigRead when) const {
  auto read = config ? read_hub_config(*config, when) : HubConfig();
  if (!read) return read;
  if (servers.empty() && !read->link) {
    return std::unexpected(ConfigErrors{error_of(std::errc::invalid_argument, "config", *config,
                                                 "neither a [link] section nor --to")});
  }
  if (!read->link) read->link.emplace();
  LinkOptions& link = *read->link;
  for (const auto& [file, secret] :
       {std::pair(&password_file, &link.password), std::pair(&token_file, &link.token)}) {
    if (!*file) continue;
    auto text = read_secret(**file, when);
    if (!text) return std::unexpected(ConfigErrors{std::move(text.error())});
    *secret = std::move(*text);
  }
  override_with(servers, link.urls);
  override_with(exports, link.always);
  override_with(wanted_exports, link.exports);
  override_with(imports, link.imports);
  override_with(name, link.name);
  override_with(user, link.user);
  override_with(credentials, link.credentials);
  if (tls) link.tls.required = true;
  override_with(tls_ca, link.tls.ca);
  override_with(tls_certificate, link.tls.certificate);
  override_with(tls_key, link.tls.key);
  override_with(first_wait, link.reconnect.first_wait);
  override_with(max_wait, link.reconnect.max_wait);
  // If only `max_wait` is given and it is below the default of `first_wait`, lowers the latter.
  if (!first_wait) {
    link.reconnect.first_wait = std::min(link.reconnect.first_wait, link.reconnect.max_wait);
  }
  override_with(connect_time, link.connect_time);
  override_with(heartbeat, link.heartbeat);
  override_with(outbound, link.outbound);
  override_with(inbound, link.inbound);
  if (drop_while_away) link.keep_while_away = false;
  override_with(overflow, link.overflow);
  if (hub) read->address = hub;
  // [metrics] in the file is about the hub's metrics.
  read->metrics = {};
  read->metrics.address = metrics;
  return read;
}

void add_link_flags(CLI::App& verb, LinkFlags& flags) {
  auto word = std::make_shared<std::string>();
  add_argument(verb, "HUB", *word, "Address of the hub");
  add_verbosity(verb, flags.verbosity, "Also log minor events");
  add_setting(verb, "--config", "FILE", read_text, flags.config,
              "Read [link] and the address of the hub from the config FILE of a hub; flags take "
              "precedence");
  add_subjects(verb, flags);
  add_identity(verb, flags);
  add_bounds(verb, flags);
  add_setting(verb, "--metrics", "ADDRESS", read_metrics_address, flags.metrics,
              "Serve Prometheus metrics at 127.0.0.1:PORT or on a Unix socket, as /metrics");
  add_spin(verb, flags.loop);
  add_ready_fd(verb, flags.ready_fd, "the hub has accepted the link");
  on_parsed(verb, [&flags, word] {
    if (!word->empty()) flags.hub = read_address(*word);
    if (flags.hub && flags.hub->kind() == Address::Kind::exec) {
      refuse_flags(*word, "a program is not a hub");
    }
    if (flags.servers.empty() && !flags.config)
      refuse_flags("--to", "this or --config is required");
    if (flags.tls_certificate.has_value() != flags.tls_key.has_value()) {
      refuse_flags("--tls-certificate --tls-key",
                   "a certificate needs its key, and a key its certificate");
    }
  });
}

}  // namespace hallway::tool
