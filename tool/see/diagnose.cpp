// SPDX-License-Identifier: Apache-2.0
//
// hallway diagnose: says why an address cannot be reached, or bound to.
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include <hallway/address.hpp>
#include <hallway/diagnosis.hpp>
#include <hallway/socket.hpp>

#include "cli/add_value.hpp"
#include "cli/flags.hpp"
#include "cli/verb.hpp"
#include "io/report.hpp"
#include "see/diagnose_connections.hpp"
#include "see/print_diagnosis.hpp"

namespace hallway::tool {

namespace {

constexpr const char* diagnose_examples =
    "Examples:\n"
    "  hallway diagnose /run/app.sock                  why can I not connect?\n"
    "  hallway diagnose /run/app.sock --as www-data    why can that user not?\n"
    "  hallway diagnose /run/app.sock --as-pid 4711    nor that process?\n"
    "  hallway diagnose --bind /run/app.sock           why does my server not start?\n"
    "  hallway diagnose --pid 4711                     is a connection stuck?\n"
    "\nThe server need not be a program of Hallway. At most it sees one client that\n"
    "connects and closes; a datagram socket, and a service that systemd would start,\n"
    "see nothing. Exit status: 0 healthy, 7 unreachable, 28 stuck, 77 denied, else 1.\n";

struct DiagnoseFlags {
  Address address;
  DiagnoseOptions options;
  std::optional<std::int32_t> pid;  ///< whose sockets to look at; then `to` instead of `address`
  std::optional<Address> to;
  bool json = false;
};

int diagnose(const DiagnoseFlags& flags) {
  if (flags.pid) return diagnose_connections(*flags.pid, flags.to, flags.json);
  const auto diagnosis = hallway::diagnose(flags.address, flags.options);
  if (!diagnosis) return fail(diagnosis.error());
  return print_diagnosis(*diagnosis, {{"address", flags.address.unescaped()}}, flags.json);
}

}  // namespace

Run add_diagnose(CLI::App& verb, const TrailingArgs&) {
  auto flags = std::make_shared<DiagnoseFlags>();
  auto word = std::make_shared<std::string>();
  auto no_probe = std::make_shared<bool>(false);
  DiagnoseOptions& options = flags->options;
  add_argument(verb, "ADDRESS", *word, "Address to look at");
  add_setting(verb, "--as", "USER", read_user, options.as_uid,
              "Look as this user would: its groups, by the user database");
  add_setting(verb, "--as-pid", "PID", read_count_as<std::int32_t>, options.as_pid,
              "Look as this process would: its groups, root, mounts, network and limits");
  add_setting(
      verb, "--type", "stream|seqpacket|datagram",
      [](const std::string& text) { return as_read(parse_socket_type(text)); }, options.type,
      "Type of socket that the client uses (without it, that of the socket that is there)");
  add_switch(verb, "--bind", options.bind,
             "Look at why a server cannot bind, instead of why a client cannot connect");
  add_setting(verb, "--pid", "PID", read_count_as<std::int32_t>, flags->pid,
              "Look at the connections that this process has (to ADDRESS, or all)");
  add_switch(verb, "--no-probe", *no_probe,
             "Do not connect. A server in another network namespace may then stay unseen");
  add_json(verb, flags->json, "Print one JSON object");
  add_examples(verb, diagnose_examples);
  on_parsed(verb, [flags, word, no_probe, &verb] {
    if (flags->options.as_uid && flags->options.as_pid) {
      refuse_flags("--as --as-pid", "a process has its own user");
    }
    // A shell makes it of a variable that is not set, and not of the user's default address.
    if (given(verb, "ADDRESS") && word->empty()) refuse_flags("ADDRESS", "it is empty");
    flags->options.probe = !*no_probe;
    if (flags->pid) {
      const DiagnoseOptions& given = flags->options;
      if (given.as_uid || given.as_pid || given.type || given.bind || *no_probe) {
        refuse_flags("--pid", "only --json goes with it");
      }
      if (!word->empty()) flags->to = read_address(*word);
      return;
    }
    flags->address = read_address(word->empty() ? default_address() : *word);
  });
  return [flags] { return diagnose(*flags); };
}

}  // namespace hallway::tool
