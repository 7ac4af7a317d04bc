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
  if (!number || *number > INT32_MAX) return std::unexpected("not a descriptor number");
  const int descriptor = static_cast<int>(*number);
  if (fcntl(descriptor, F_GETFD) < 0) return std::unexpected("that descriptor is not open");
  return descriptor;
}

}  // namespace

void add_admission(CLI::App& verb, Listening& listening) {
  add_setting(verb, "--mode", "MODE", read_mode, listening.mode,
              fmt::format("Mode of the socket file (default {:04o})", defaults::mode));
  add_setting(verb, "--owner", "USER", read_user_name, listening.owner, "Owner of the socket file");
  add_setting(verb, "--group", "GROUP", read_group_name, listening.group,
              "Group of the socket file");
  add_value(
      verb, "--allow", "RULE", read_allow_rule,
      [&](AllowRule rule) { listening.allow.push_back(std::move(rule)); },
      "Admit clients by uid:U, gid:G, group:NAME, same-uid, root or any; repeatable, one match is "
      "enough")
      .repeatable();
}

void add_ready_fd(CLI::App& verb, std::optional<int>& ready_fd, const std::string& when) {
  add_setting(verb, "--ready-fd", "N", read_open_descriptor, ready_fd,
              "Write a newline to descriptor N once " + when + ", and close it");
}

void add_service(CLI::App& verb, Listening& listening) {
  add_ready_fd(verb, listening.ready_fd, "listening");
  add_switch(verb, "--takeover", listening.takeover,
             "Take the address over from a server that also runs with --takeover, without refusing "
             "a client; that server drains. Offer the same to the next server");
  add_value(
      verb, "--on-path-lost", "warn|rebind|exit", read_path_lost,
      [&](PathLost policy) { listening.on_path_lost = policy; },
      "What to do when the socket file is removed or replaced: warn (default), bind it again, or "
      "drain and exit with 1");
  add_switch(
      verb, "--no-sandbox", [&] { listening.sandbox = false; },
      "Keep the rights that a listening server does not need and otherwise gives up: gaining "
      "privileges, starting programs, connecting to a network, most files (-v shows the result)");
}

Address read_listening_address(const std::string& word, bool takeover) {
  auto address = read_listening_address(word);
  if (!address) refuse_value(word, address.error());
  if (takeover && address->kind() != Address::Kind::path) {
    refuse_flags("--takeover " + address->unescaped(), "only a path can be taken over");
  }
  return std::move(*address);
}

}  // namespace hallway::tool
