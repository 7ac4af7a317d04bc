// SPDX-License-Identifier: Apache-2.0
//
// hallway serve: listens, and handles every message as the flags say.
#include <CLI/CLI.hpp>
#include <csignal>
#include <memory>

#include <hallway/loop.hpp>

#include "cli/verb.hpp"
#include "io/events.hpp"
#include "io/output.hpp"
#include "io/report.hpp"
#include "serve/serve_connections.hpp"
#include "serve/serve_datagrams.hpp"
#include "serve/serve_flags.hpp"
#include "server/ready.hpp"

namespace hallway::tool {

namespace {

constexpr const char* examples =
    "Examples:\n"
    "  hallway serve                           print every line that anybody sends\n"
    "  hallway serve ./echo.sock --echo        answer each line with itself\n"
    "  hallway serve ./app.sock --handler 'tr a-z A-Z' --handlers 4\n"
    "  hallway serve @chat --broadcast --allow group:staff\n"
    "  hallway serve ./shell.sock --mode 0600 -- /bin/sh -i\n"
    "  hallway serve ./echo.socket --type datagram --stop-word DONE\n";

int serve(const ServeFlags& flags) {
  Events events(flags.wordiness);
  Loop loop(flags.loop);
  if (loop.error()) return fail(*loop.error());
  // Its action is set once there is a server. Until then SIGHUP must not end this process.
  if (auto claimed = on_hang_up(loop, [] {}); !claimed) return fail(claimed.error());
  Output output(loop, flags.print);
  output.on_end([&] { loop.drain(); });
  const bool datagrams = flags.wire.type == SocketType::datagram;
  int status = datagrams ? serve_datagrams(loop, flags, events, output)
                         : serve_connections(loop, flags, events, output);
  // The last lines may not be written yet.
  if (status == exit_status::done) status = output.finish();
  if (output.error()) return fail(*output.error());
  if (loop.error()) return fail(*loop.error());
  return status;
}

}  // namespace

Run add_serve(CLI::App& verb, const TrailingArgs& rest) {
  auto flags = std::make_shared<ServeFlags>();
  if (rest && rest->empty()) refuse_flags("--", "no PROGRAM follows");
  flags->program = rest.value_or(std::vector<std::string>{});
  add_serve_flags(verb, *flags);
  verb.footer(examples);
  return [flags] { return serve(*flags); };
}

}  // namespace hallway::tool
