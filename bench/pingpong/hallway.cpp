// SPDX-License-Identifier: Apache-2.0
//
// Hallway as most programs use it: a Server on a loop, a blocking Client.
#include <cstdlib>
#include <hallway/hallway.hpp>

#include "../support/fail.hpp"
#include "../support/round_trips.hpp"

namespace {

using namespace bench;

void serve(Side& side, const Options& options, const std::string& path) {
  Echoes echoes(side, options);
  hallway::Loop loop;
  const auto echo = [&](hallway::Connection client) -> hallway::Task<> {
    while (auto question = co_await client.receive()) {
      echoes.asked(question->bytes());
      co_await client.send(*question);
    }
    loop.stop();
  };
  const auto server =
      hallway::Server::open(loop, path, echo, {.framing = hallway::Framing::len32()});
  if (!server) fail(server.error().explain());
  side.ready();
  loop.run();
  echoes.end();
}

void ask(Side& side, const Options& options, const std::string& path) {
  auto client = hallway::Client::connect(path, {.framing = hallway::Framing::len32()});
  if (!client) fail(client.error().explain());
  RoundTrips trips(side, options);
  hallway::Received answer;
  do {
    answer = client->request(trips.question());
    if (!answer) fail(answer.error().explain());
  } while (trips.answered(answer->bytes()));
}

}  // namespace

int main(int argc, char** argv) { return run_round_trips(argc, argv, serve, ask); }
