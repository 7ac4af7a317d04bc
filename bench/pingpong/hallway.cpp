// SPDX-License-Identifier: Apache-2.0
//
// Hallway as most programs use it: a Server on a loop, a blocking Client.
#include "../support/hallway_round_trips.hpp"

namespace {

using namespace bench;

void ask(Side& side, const Options& options, const std::string& path) {
  auto client = require(hallway::Client::connect(path, connect_options(options)));
  RoundTrips trips(side, options);
  bool more = true;
  while (more) {
    const auto answer = client.request(trips.question());
    require_ok(answer);
    more = trips.answered(answer->bytes());
  }
}

}  // namespace

int main(int argc, char** argv) { return run_round_trips(argc, argv, serve_hallway, ask); }
