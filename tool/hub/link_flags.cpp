// SPDX-License-Identifier: Apache-2.0
#include "hub/link_flags.hpp"

#include <fmt/format.h>
#include <CLI/CLI.hpp>

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

/// Declares a flag that stores its value in `setting`.
template <typename T, typename ReadText>
void add_setting(CLI::App& verb, const char* name, const char* placeholder, ReadText read,
                 std::optional<T>& setting, const std::string& help) {
  add_value(
      verb, name, placeholder, read, [&setting](T value) { setting = std::move(value); }, help);
}

/// Declares a flag that may be given several times.
template <typename ReadText>
void add_list(CLI::App& verb, const char* name, const char* placeholder, ReadText read,
              std::vector<std::string>& list, const std::string& help) {
  add_value(
      verb, name, placeholder, read,
      [&list](std::string value) { list.push_back(std::move(value)); }, help + ". Repeatable")
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
}

/// An error shows the URL without its password.
Read<std::string> read_server(const std::string& text) {
  auto url = read_server_url(text);
  if (!url) throw Refused("--to " + printable(ServerUrl::without_secrets(text)), url.error());
  return url;
}

Read<LinkFull> read_full(const std::string& text) {
  return read_policy<LinkFull, 2>(
      text, {{{"drop-oldest", LinkFull::drop_oldest}, {"drop-newest", LinkFull::drop_newest}}});
}

void add_subjects(CLI::App& verb, LinkFlags& flags) {
  add_list(verb, "--to", "URL", read_server, flags.servers,
           "A NATS server of the cluster, as nats://HOST:PORT or tls://HOST:PORT");
  add_list(verb, "--export", "SUBJECT", read_link_pattern, flags.exports,
           "What goes to the cluster; * and > as in subscriptions, less what is below $SYS and "
           "_HALLWAY");
  add_list(verb, "--export-wanted", "SUBJECT", read_link_pattern, flags.wanted_exports,
           "The same, but only while another hub of the cluster wants it");
  add_list(verb, "--import", "SUBJECT", read_link_pattern, flags.imports,
           "What comes from there, as far as somebody subscribes to it, less the same");
}

void add_identity(CLI::App& verb, LinkFlags& flags) {
  add_setting(verb, "--name", "NAME", read_text, flags.name,
              "What the servers are told (default " + LinkOptions().name + ")");
  add_setting(verb, "--user", "NAME", read_text, flags.user, "Who we are to the servers");
  add_setting(verb, "--password-file", "FILE", read_text, flags.password_file,
              "The user's password is the first line of FILE");
  add_setting(verb, "--token-file", "FILE", read_text, flags.token_file,
              "The token that proves it is the first line of FILE");
  add_setting(verb, "--credentials", "FILE", read_text, flags.credentials,
              "A .creds file proves it: a JWT and its key");
  verb.add_flag("--tls", flags.tls, "Encrypt also where no URL says tls://");
  add_setting(verb, "--tls-ca", "FILE", read_text, flags.tls_ca,
              "Trust the certificates in FILE, and not the system's");
  add_setting(verb, "--tls-certificate", "FILE", read_text, flags.tls_certificate,
              "Ours, with its chain");
  add_setting(verb, "--tls-key", "FILE", read_text, flags.tls_key, "The key that belongs to it");
}

void add_bounds(CLI::App& verb, LinkFlags& flags) {
  const LinkOptions link;
  const auto in_time = [](const char* what, Duration otherwise) {
    return fmt::format("{} (default {})", what, write_duration(otherwise));
  };
  const auto in_bytes = [](const char* what, std::size_t otherwise) {
    return fmt::format("{} (default {})", what, write_size(otherwise));
  };
  add_setting(
      verb, "--first-wait", "TIME", read_duration, flags.first_wait,
      in_time("Bound of the first random wait before connecting again", link.reconnect.first_wait));
  add_setting(verb, "--most-wait", "TIME", read_time_span, flags.most_wait,
              in_time("Bound of the last, which doubles until then", link.reconnect.most_wait));
  add_setting(verb, "--connect-time", "TIME", read_time_span, flags.connect_time,
              in_time("Give each attempt up after TIME", link.connect_time));
  add_setting(verb, "--heartbeat", "TIME", read_time_span, flags.heartbeat,
              in_time("Say so often that this hub is there, as all of them do", link.heartbeat));
  add_setting(verb, "--outbound", "SIZE", read_room, flags.outbound,
              in_bytes("Messages that wait to leave", link.outbound));
  add_setting(verb, "--inbound", "SIZE", read_room, flags.inbound,
              in_bytes("Messages that wait to enter", link.inbound));
  verb.add_flag("--drop-while-away", flags.drop_while_away,
                "While no server is there, messages do not wait but are lost, and counted");
  add_setting(verb, "--full", "drop-oldest|drop-newest", read_full, flags.full,
              "Which are lost when too many wait to leave (default drop-newest)");
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
    return std::unexpected(ConfigErrors{
        error_of(std::errc::invalid_argument, "config", *config, "no [link] there, and no --to")});
  }
  if (!read->link) read->link.emplace();
  LinkOptions& link = *read->link;
  const auto win = [](const auto& said, auto& setting) {
    if (said) setting = *said;
  };
  const auto win_list = [](const auto& said, auto& setting) {
    if (!said.empty()) setting = said;
  };
  for (const auto& [file, secret] :
       {std::pair(&password_file, &link.password), std::pair(&token_file, &link.token)}) {
    if (!*file) continue;
    auto text = read_secret(**file, when);
    if (!text) return std::unexpected(ConfigErrors{std::move(text.error())});
    *secret = std::move(*text);
  }
  win_list(servers, link.urls);
  win_list(exports, link.always);
  win_list(wanted_exports, link.exports);
  win_list(imports, link.imports);
  win(name, link.name);
  win(user, link.user);
  win(credentials, link.credentials);
  if (tls) link.tls.required = true;
  win(tls_ca, link.tls.ca);
  win(tls_certificate, link.tls.certificate);
  win(tls_key, link.tls.key);
  win(first_wait, link.reconnect.first_wait);
  win(most_wait, link.reconnect.most_wait);
  // If only `most_wait` is given and it is below the default of `first_wait`, lowers the latter.
  if (!first_wait) {
    link.reconnect.first_wait = std::min(link.reconnect.first_wait, link.reconnect.most_wait);
  }
  win(connect_time, link.connect_time);
  win(heartbeat, link.heartbeat);
  win(outbound, link.outbound);
  win(inbound, link.inbound);
  if (drop_while_away) link.keep_while_away = false;
  win(full, link.full);
  if (hub) read->address = hub;
  // [metrics] in the file is about the hub's metrics.
  read->metrics = {};
  read->metrics.address = metrics;
  return read;
}

void add_link_flags(CLI::App& verb, LinkFlags& flags) {
  auto word = std::make_shared<std::string>();
  verb.add_option("HUB", *word, "Where the hub listens")->type_name("");
  add_wordiness(verb, flags.wordiness);
  add_setting(verb, "--config", "FILE", read_text, flags.config,
              "Read [link], and where the hub listens, from the config FILE of a hub; flags win");
  add_subjects(verb, flags);
  add_identity(verb, flags);
  add_bounds(verb, flags);
  add_setting(verb, "--metrics", "ADDRESS", read_metrics_address, flags.metrics,
              "Serve Prometheus metrics at 127.0.0.1:PORT or on a Unix socket, as /metrics");
  add_spin(verb, flags.loop);
  add_ready_fd(verb, flags.ready_fd, "the hub has accepted the link");
  verb.final_callback([&flags, word] {
    if (!word->empty()) flags.hub = read_address(*word);
    if (flags.hub && flags.hub->kind() == Address::Kind::exec) {
      refuse_flags(*word, "a program is no hub");
    }
    if (flags.servers.empty() && !flags.config) refuse_flags("--to", "missing, and so is --config");
    if (flags.tls_certificate.has_value() != flags.tls_key.has_value()) {
      refuse_flags("--tls-certificate --tls-key", "a certificate and its key go together");
    }
  });
}

}  // namespace hallway::tool
