// SPDX-License-Identifier: Apache-2.0
//
// Hallway's hub, which parses, routes and judges every message, and its client library. Raw sockets
// speak the protocol of NATS to it.
#include "../support/fanout.hpp"
#include "../support/with_hallway.hpp"

namespace {

using namespace bench;

void serve(const Options& options, const std::string& path) {
  hallway::Loop loop;
  hallway::HubOptions how;
  how.limits.max_connections_per_uid =
      std::max(how.limits.max_connections_per_uid, options.subscribers + 1);
  const auto hub = require(hallway::Hub::start(loop, path, std::move(how)));
  loop.run();
}

hallway::Task<> publish(hallway::Loop& loop, const std::string& path, Publication& publication) {
  const hallway::hub::ClientOptions options{.echo = false};
  auto hub = require(co_await hallway::hub::Client::connect(loop, path, options));
  while (publication.announcing()) {
    require_ok(co_await hub.publish("t", publication.announcement()));
    require_ok(co_await hub.flush());
  }
  do {
    while (const auto message = publication.next()) {
      require_ok(co_await hub.publish("t", *message));
    }
    require_ok(co_await hub.flush());
  } while (publication.again());
}

}  // namespace

int main(int argc, char** argv) {
  return run_fanout(argc, argv, [](const Options& options, const Directory& directory) {
    const std::string path = directory.socket();
    // Nobody is cut off for being slow: the publisher waits.
    const std::string hello =
        "CONNECT {\"verbose\":false,\"pedantic\":false,\"echo\":false,\"full\":\"wait\"}\r\n";
    const std::string size = std::to_string(options.size);
    return Broker{.serve = [options, path] { serve(options, path); },
                  .protocol = {.publisher_says = hello,
                               .subscriber_says = hello + "SUB t 1\r\n",
                               .before = "PUB t " + size + "\r\n",
                               .after = "\r\n",
                               .delivered_before = "MSG t 1 " + size + "\r\n",
                               .delivered_after = "\r\n",
                               .between = "PING\r\n"},
                  .connect_subscriber = [path] { return connect_when_listening(path); },
                  .connect_publisher = [path] { return connect_when_listening(path); },
                  .publish_each =
                      [path](Publication& publication) {
                        hallway::Loop loop;
                        loop.run(publish(loop, path, publication));
                      },
                  .pushes_back = true};
  });
}
