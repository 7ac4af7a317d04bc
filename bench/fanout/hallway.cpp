// SPDX-License-Identifier: Apache-2.0
//
// Hallway: a Server whose handler passes on what it receives, and a Connection that sends.
#include "../support/fanout.hpp"
#include "../support/with_hallway.hpp"

namespace {

using namespace bench;

hallway::Task<> pass_on(hallway::Connection publisher) {
  while (auto message = co_await publisher.receive()) co_await publisher.broadcast(*message);
}

void serve(const Options& options, const std::string& path) {
  hallway::Loop loop;
  hallway::ServerOptions how = server_options(options);
  how.connection.overflow = hallway::OverflowPolicy::wait;
  how.server_limits = limits_for_many(options.subscribers + 1);
  const auto server = require(hallway::Server::open(loop, path, pass_on, how));
  loop.run();
}

hallway::Task<> publish(hallway::Loop& loop, const Options& options, const std::string& path,
                        Publication& publication) {
  auto broker =
      require(co_await hallway::Connection::connect(loop, path, connect_options(options)));
  while (publication.announcing()) {
    co_await broker.send(publication.announcement());
    co_await broker.flush();
  }
  do {
    while (const auto message = publication.next()) co_await broker.send(*message);
    co_await broker.flush();
  } while (publication.again());
}

}  // namespace

int main(int argc, char** argv) {
  return run_fanout(argc, argv, [](const Options& options, const Directory& directory) {
    const std::string path = directory.socket();
    Broker broker = plain_broker(options, path, [options, path] { serve(options, path); });
    broker.publish_each = [options, path](Publication& publication) {
      hallway::Loop loop;
      loop.run(publish(loop, options, path, publication));
    };
    return broker;
  });
}
