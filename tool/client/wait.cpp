// SPDX-License-Identifier: Apache-2.0
//
// hallway wait: exits as soon as a server accepts connections.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>
#include <utility>

#include <hallway/client.hpp>
#include <hallway/datagram_socket.hpp>
#include <hallway/deadline.hpp>
#include <hallway/hub_client.hpp>
#include <hallway/loop.hpp>
#include <hallway/when_any.hpp>

#include "cli/add_value.hpp"
#include "cli/flags.hpp"
#include "cli/verb.hpp"
#include "client/hub_runner.hpp"
#include "io/report.hpp"

namespace hallway::tool {

namespace {

using std::chrono::milliseconds;

constexpr Duration default_timeout = std::chrono::seconds(10);
constexpr Duration first_pause = milliseconds(5);
constexpr Duration longest_wait_pause = milliseconds(200);

/// How long a server has to close a connection that it has accepted.
constexpr Duration leave_time = milliseconds(100);

constexpr const char* wait_examples =
    "Examples:\n"
    "  hallway wait /run/app.sock && start-the-rest\n"
    "  hallway wait @app --timeout 1m --server-uid app\n"
    "  hallway wait --subject news.today         until somebody has subscribed to it\n"
    "\nA server is ready once it accepts; an existing socket file is not enough. The\n"
    "server sees a connection that ends at once.\n";

struct WaitFlags {
  Verbosity verbosity;
  SocketType type = SocketType::stream;
  Target target;
  HubFlags hub;              // if there is a subject
  std::string subject;       // of a hub
  std::uint32_t expect = 1;  // subscriptions to it
};

/// Lets the server close the connection. A server that greets, as a hub does, would otherwise see
/// its greeting discarded, which the kernel reports as a reset.
void take_leave(Client& client) {
  const Deadline deadline(leave_time);
  client.half_close();
  while (client.receive(deadline.left())) {
  }
}

/// Tries once to connect. Connecting to a datagram socket succeeds only if a process has it open.
Result<void> attempt(const WaitFlags& flags, Duration within) {
  if (flags.type == SocketType::datagram) {
    Loop loop;
    const auto server_uid = flags.target.datagram_server_uid();
    if (!server_uid) return std::unexpected(server_uid.error());
    const auto socket =
        DatagramSocket::connect(loop, flags.target.address, {.server_uid = *server_uid});
    if (!socket) return std::unexpected(socket.error());
    return {};
  }
  auto client =
      Client::connect(flags.target.address, {.timeout = within,
                                             .type = flags.type,
                                             .connection = {.framing = Framing::raw()},
                                             .server_uid = flags.target.server_uid,
                                             .trusted_server = flags.target.requires_trust()});
  if (!client) return std::unexpected(client.error());
  // Others may use an inherited socket.
  const Address::Kind kind = flags.target.address.kind();
  if (kind == Address::Kind::path || kind == Address::Kind::abstract) take_leave(*client);
  return {};
}

bool is_denial(const Error& error) {
  return error.code == std::errc::permission_denied ||
         error.code == std::errc::operation_not_permitted;
}

Error too_late(const Target& target, Duration timeout, const Error& last) {
  Error error = error_of(std::errc::timed_out, "wait", target.address.unescaped(),
                         "not ready within " + write_duration(timeout) + " (" + last.why() + ")");
  error.hint = advice_to_diagnose(target.address);
  return error;
}

// Subscribers -------------------------------------------------------------------------------------

Task<> await_subscribers(HubRunner& runner, const WaitFlags& flags) {
  const Duration timeout = flags.hub.target.retry_for;
  const Deadline deadline(timeout);
  auto hub = co_await runner.connect();
  if (!hub) co_return;
  for (Duration pause = first_pause;; pause = std::min(2 * pause, longest_wait_pause)) {
    const auto count = co_await hub->count_matches(flags.subject, deadline.left());
    if (runner.over().is_set()) co_return;
    // A hub that restarts is back soon.
    const bool away = !count && count.error().code == std::errc::connection_reset;
    const bool late = deadline.passed();
    if (!count && !away && !late) co_return runner.end(fail(count.error()));
    const std::size_t subscriptions = count ? count->subscriptions : 0;
    if (subscriptions >= flags.expect) {
      runner.events().log(Events::Level::detail, "subscribers", 0,
                          flags.subject + ": " + counted(subscriptions, "subscription"),
                          {{"subject", flags.subject}, {"subscriptions", subscriptions}});
      co_return runner.end();
    }
    if (late) {
      Error error =
          error_of(std::errc::timed_out, "wait", flags.subject,
                   fmt::format("{} within {}, {} expected", counted(subscriptions, "subscription"),
                               write_duration(timeout), flags.expect));
      error.hint = "the hub is " + hub->address().unescaped() + "; ADDRESS names another one";
      co_return runner.end(fail(error));
    }
    if (co_await runner.loop().sleep(std::min(pause, deadline.left())) != Outcome::ok) co_return;
  }
}

Task<> wait_for_subscribers(HubRunner& runner, const WaitFlags& flags) {
  co_await when_any(await_subscribers(runner, flags), runner.over().wait());
}

int wait_for_subscribers(const WaitFlags& flags) {
  HubRunner runner(flags.hub, "wait", HubRunner::Prints::nothing);
  return runner.run(wait_for_subscribers(runner, flags));
}

// Servers -----------------------------------------------------------------------------------------

int wait(const WaitFlags& flags) {
  const Duration timeout = flags.target.timeout.value_or(default_timeout);
  const Deadline deadline(timeout);
  Events events(flags.verbosity);
  for (Duration pause = first_pause;; pause = std::min(2 * pause, longest_wait_pause)) {
    const auto accepted = attempt(flags, deadline.left());
    if (accepted) break;
    // Waiting does not help: permission must be granted first.
    if (is_denial(accepted.error())) return fail(accepted.error());
    if (deadline.passed()) return fail(too_late(flags.target, timeout, accepted.error()));
    std::this_thread::sleep_for(std::min(pause, deadline.left()));
  }
  const std::string address = flags.target.address.unescaped();
  events.log(Events::Level::detail, "accepted", 0, address, {{"address", address}});
  return exit_status::done;
}

}  // namespace

Run add_wait(CLI::App& verb, const TrailingArgs&) {
  auto flags = std::make_shared<WaitFlags>();
  auto word = std::make_shared<std::string>();
  add_argument(verb, "ADDRESS", *word,
               "Address of the server; with --subject, of the hub, which is otherwise looked for");
  add_verbosity(verb, flags->verbosity, "Log when the server has accepted");
  add_type(verb, flags->type);
  add_target_flags(verb, flags->target,
                   "Time limit (default " + write_duration(default_timeout) + ")");
  add_value(
      verb, "--subject", "SUBJECT", read_subject,
      [flags](std::string subject) { flags->subject = std::move(subject); },
      "Wait until a message to SUBJECT would get to a subscription of the hub");
  add_value(
      verb, "--expect", "N", read_count_as<std::uint32_t>,
      [flags](std::uint32_t count) { flags->expect = count; },
      "Wait until SUBJECT has N subscriptions, all members of queue groups included (default 1)")
      .needs("--subject");
  add_examples(verb, wait_examples);
  on_parsed(verb, [&verb, flags, word] {
    if (!flags->subject.empty()) {
      if (given(verb, "--type")) refuse_flags("--subject --type", "a hub listens on a stream");
      flags->hub = {flags->verbosity, {}, flags->target};
      flags->hub.target.retry_for = flags->target.timeout.value_or(default_timeout);
      choose_hub(flags->hub, *word);
      return;
    }
    if (word->empty()) *word = default_address();
    flags->target.address = read_address(*word);
    check_target(verb, flags->target, flags->type);
    if (flags->target.address.kind() == Address::Kind::exec) {
      refuse_flags(*word, "exec: starts its program itself");
    }
  });
  return [flags] { return flags->subject.empty() ? wait(*flags) : wait_for_subscribers(*flags); };
}

}  // namespace hallway::tool
