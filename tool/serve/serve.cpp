// SPDX-License-Identifier: Apache-2.0
//
// hallway serve: listens, and handles every message as the flags say.
#include <csignal>
#include <memory>

#include <hallway/loop.hpp>

#include "cli/add_value.hpp"
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

constexpr const char* serve_examples =
    "Examples:\n"
    "  hallway serve                           print every line received\n"
    "  hallway serve ./echo.sock --echo        answer each line with itself\n"
    "  hallway serve ./app.sock --handler 'tr a-z A-Z' --handlers 4\n"
    "  hallway serve @chat --broadcast --allow group:staff\n"
    "  hallway serve ./shell.sock --mode 0600 -- /bin/sh -i\n"
    "  hallway serve ./echo.socket --type datagram --stop-word DONE\n";

int serve(Loop& loop, const ServeFlags& flags, Events& events) {
  Output output(loop, flags.print);
  output.on_end([&] { loop.drain(); });
  const bool datagrams = flags.wire.type == SocketType::datagram;
  int status = datagrams ? serve_datagrams(loop, flags, events, output)
                         : serve_connections(loop, flags, events, output);
  // The last lines may not be written yet.
  if (status == exit_status::done) status = output.finish();
  return output.error() ? fail(*output.error()) : status;
}

}  // namespace

Run add_serve(CLI::App& verb, const TrailingArgs& rest) {
  auto flags = std::make_shared<ServeFlags>();
  if (rest && rest->empty()) refuse_flags("--", "PROGRAM is missing");
  flags->program = rest.value_or(std::vector<std::string>{});
  add_serve_flags(verb, *flags);
  add_examples(verb, serve_examples);
  return [flags] {
    Events events(flags->verbosity);
    return run_on_loop(flags->loop, events,
                       [&](Loop& loop) { return serve(loop, *flags, events); });
  };
}

}  // namespace hallway::tool
