// SPDX-License-Identifier: Apache-2.0
#include "cli/listening_flags.hpp"

#include <fcntl.h>
#include <fmt/format.h>

#include <cstdint>
#include <string>
#include <utility>

#include "cli/add_value.hpp"
#include "cli/flags.hpp"

namespace hallway::tool {

namespace {

Read<int> read_open_descriptor(const std::string& text) {
  const auto number = text == "0" ? Read<std::size_t>(0) : read_count(text);
  if (!number || *number > INT32_MAX) return std::unexpected("not a descriptor");
  const int descriptor = static_cast<int>(*number);
  if (fcntl(descriptor, F_GETFD) < 0) return std::unexpected("not open");
  return descriptor;
}

}  // namespace

void add_admission(CLI::App& verb, Listening& listening) {
  add_value(
      verb, "--mode", "MODE", read_mode, [&](unsigned mode) { listening.mode = mode; },
      fmt::format("Of the socket file (default {:04o})", defaults::mode));
  add_value(
      verb, "--owner", "USER", read_user_name,
      [&](std::string owner) { listening.owner = std::move(owner); }, "Of the socket file");
  add_value(
      verb, "--group", "GROUP", read_group_name,
      [&](std::string group) { listening.group = std::move(group); }, "Of the socket file");
  add_value(
      verb, "--allow", "RULE", read_allow_rule,
      [&](AllowRule rule) { listening.allow.push_back(std::move(rule)); },
      "Who may connect: uid:U, gid:G, group:NAME, same-uid, root or any; repeatable, any match "
      "admits")
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
}

void add_ready_fd(CLI::App& verb, std::optional<int>& ready_fd, const std::string& when) {
  add_value(
      verb, "--ready-fd", "N", read_open_descriptor, [&](int descriptor) { ready_fd = descriptor; },
      "Write a newline to descriptor N once " + when + ", and close it");
}

void add_service(CLI::App& verb, Listening& listening) {
  add_ready_fd(verb, listening.ready_fd, "listening");
  verb.add_flag("--takeover", listening.takeover,
                "Take the address over from a server that runs there with --takeover, too, without "
                "refusing a client; it drains. Offer the same to the next one");
  add_value(
      verb, "--on-path-lost", "warn|rebind|exit", read_path_lost,
      [&](PathLost policy) { listening.on_path_lost = policy; },
      "What to do when somebody removes or replaces the socket file: warn (default), bind it "
      "again, "
      "or drain and exit with 1");
  verb.add_flag_callback(
      "--no-sandbox", [&] { listening.sandbox = false; },
      "Do not give up, once listening, what a server does not need: gaining privileges, starting "
      "programs, connecting to a network, most files (-v says what holds)");
}

Address read_listening_address(const std::string& word, bool takeover) {
  auto address = read_listening_address(word);
  if (!address) throw Refused(word, address.error());
  if (takeover && address->kind() != Address::Kind::path) {
    refuse_flags("--takeover " + address->unescaped(),
                 "only a path can be taken over: nothing else has a place beside it");
  }
  return std::move(*address);
}

}  // namespace hallway::tool
