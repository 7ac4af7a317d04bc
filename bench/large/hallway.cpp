// SPDX-License-Identifier: Apache-2.0
#include "../support/large.hpp"
#include "../support/with_hallway.hpp"

namespace {

using namespace bench;

void receive_all(Side& side, const Options& options, const std::string& path) {
  Deliveries deliveries(side, options);
  hallway::Loop loop;
  const auto receive = [&](hallway::Connection client) -> hallway::Task<> {
    bool more = true;
    while (more) {
      const auto message = co_await client.receive();
      require_ok(message);
      more = deliveries.take(message->bytes());
      co_await client.send(acknowledgement);
    }
    loop.stop();
  };
  const auto server = require(hallway::Server::open(loop, path, receive, server_options(options)));
  side.ready();
  loop.run();
}

hallway::Task<> send_on(hallway::Loop& loop, std::string path, const Options& options,
                        Window& window) {
  auto server =
      require(co_await hallway::Connection::connect(loop, path, connect_options(options)));
  while (const auto message = window.next()) {
    require_ok(co_await server.send(*message));
    for (; window.waits(); window.acknowledged()) require_ok(co_await server.receive());
  }
  window.end();
}

void send_all(Side& side, const Options& options, const std::string& path) {
  Window window(side, options);
  hallway::Loop loop;
  loop.run(send_on(loop, path, options, window));
}

}  // namespace

int main(int argc, char** argv) { return run_large(argc, argv, receive_all, send_all); }
