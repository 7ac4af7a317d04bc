// SPDX-License-Identifier: Apache-2.0
//
// hallway wait: exits as soon as a server accepts connections.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <memory>
#include <nlohmann/json.hpp>
#include <thread>

#include <hallway/client.hpp>
#include <hallway/datagram_socket.hpp>
#include <hallway/loop.hpp>

#include "cli/flags.hpp"
#include "cli/verb.hpp"
#include "io/deadline.hpp"
#include "io/report.hpp"

namespace hallway::tool {

namespace {

using std::chrono::milliseconds;

constexpr Duration default_timeout = std::chrono::seconds(10);
constexpr Duration first_pause = milliseconds(5);
constexpr Duration longest_pause = milliseconds(200);

constexpr const char* examples =
    "Examples:\n"
    "  hallway wait /run/app.sock && start-the-rest\n"
    "  hallway wait @app --timeout 1m --server-uid app\n"
    "\nA file that merely exists is not ready. The server sees a\nconnection that ends at once.\n";

struct WaitFlags {
  Verbosity wordiness;
  SocketType type = SocketType::stream;
  Target target;
};

/// Tries once to connect. Connecting to a datagram socket succeeds only if a process has it open.
Result<void> attempt(const WaitFlags& flags, Duration within) {
  if (flags.type == SocketType::datagram) {
    Loop loop;
    const auto socket = DatagramSocket::connect(loop, flags.target.address,
                                                {.server_uid = flags.target.server_uid});
    if (!socket) return std::unexpected(socket.error());
    return {};
  }
  const auto client = Client::connect(
      flags.target.address,
      {.deadline = within, .type = flags.type, .server_uid = flags.target.server_uid});
  if (!client) return std::unexpected(client.error());
  return {};
}

bool is_denial(const Error& error) {
  return error.code == std::errc::permission_denied ||
         error.code == std::errc::operation_not_permitted;
}

Error too_late(const Target& target, Duration timeout, const Error& last) {
  return error_of(std::errc::timed_out, "wait", target.address.unescaped(),
                  "not ready within " + write_duration(timeout) + " (" + last.why() + ")");
}

int wait(const WaitFlags& flags) {
  const Duration timeout = flags.target.timeout.value_or(default_timeout);
  const Deadline deadline(timeout);
  Events events(flags.wordiness);
  for (Duration pause = first_pause;; pause = std::min(2 * pause, longest_pause)) {
    const auto accepted = attempt(flags, deadline.left());
    if (accepted) break;
    // Waiting does not help: permission must be granted first.
    if (is_denial(accepted.error())) return fail(accepted.error());
    if (deadline.passed()) return fail(too_late(flags.target, timeout, accepted.error()));
    std::this_thread::sleep_for(std::min(pause, deadline.left()));
  }
  const std::string address = flags.target.address.unescaped();
  events.tell(Events::Level::detail, "accepted", 0, address, {{"address", address}});
  return exit_status::done;
}

}  // namespace

Run add_wait(CLI::App& verb, const TrailingArgs&) {
  auto flags = std::make_shared<WaitFlags>();
  auto word = std::make_shared<std::string>(default_address());
  verb.add_option("ADDRESS", *word, "Whose server")->type_name("");
  add_wordiness(verb, flags->wordiness);
  add_type(verb, flags->type);
  add_reach(verb, flags->target,
            "Give up after TIME (default " + write_duration(default_timeout) + ")");
  verb.footer(examples);
  verb.final_callback([&verb, flags, word] {
    flags->target.address = read_address(*word);
    check_reach(verb, flags->target, flags->type);
    if (flags->target.address.kind() == Address::Kind::exec) {
      refuse_flags(*word, "a program that is started here need not be waited for");
    }
  });
  return [flags] { return wait(*flags); };
}

}  // namespace hallway::tool
