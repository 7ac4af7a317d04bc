// SPDX-License-Identifier: Apache-2.0
//
// Hallway with a loop at both sides.
#include "../support/hallway_round_trips.hpp"

namespace {

using namespace bench;

hallway::Task<> ask_on(hallway::Loop& loop, std::string path, const Options& options,
                       RoundTrips& trips) {
  auto server =
      require(co_await hallway::Connection::connect(loop, path, connect_options(options)));
  bool more = true;
  while (more) {
    require_ok(co_await server.send(trips.question()));
    const auto answer = co_await server.receive();
    require_ok(answer);
    more = trips.answered(answer->bytes());
  }
}

void ask(Side& side, const Options& options, const std::string& path) {
  RoundTrips trips(side, options);
  hallway::Loop loop;
  loop.run(ask_on(loop, path, options, trips));
}

}  // namespace

int main(int argc, char** argv) { return run_round_trips(argc, argv, serve_hallway, ask); }
