// SPDX-License-Identifier: Apache-2.0
//
// Hallway: one send() a message, one receive() a message, no batching by hand.
#include "../support/one_way.hpp"
#include "../support/with_hallway.hpp"

namespace {

using namespace bench;

void receive_all(Side& side, const Options& options, const std::string& path) {
  Arrivals arrivals(side, options);
  hallway::Loop loop;
  const auto receive = [&](hallway::Connection client) -> hallway::Task<> {
    bool more = true;
    while (more) {
      const auto message = co_await client.receive();
      require_ok(message);
      more = arrivals.take(message->bytes());
    }
    loop.stop();
  };
  const auto server = require(hallway::Server::open(loop, path, receive, server_options(options)));
  side.ready();
  loop.run();
}

hallway::Task<> send_all_on(hallway::Loop& loop, std::string path, const Options& options,
                            Departures& departures) {
  auto server =
      require(co_await hallway::Connection::connect(loop, path, connect_options(options)));
  while (const auto message = departures.next()) require_ok(co_await server.send(*message));
  require_ok(co_await server.flush());
  departures.end();
}

void send_all(Side& side, const Options& options, const std::string& path) {
  Departures departures(side, options);
  hallway::Loop loop;
  loop.run(send_all_on(loop, path, options, departures));
}

}  // namespace

int main(int argc, char** argv) { return run_one_way(argc, argv, receive_all, send_all); }
