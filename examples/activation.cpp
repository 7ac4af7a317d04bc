// A server that is handed its socket, already listening, by systemd or systemd-socket-activate.
//
//   systemd-socket-activate -l /tmp/app.sock activation
//
// No client is refused while it starts or restarts: the socket outlives it, and so does its name,
// which belongs to whoever made it.
#include <iostream>
#include <string>

#include <hallway/hallway.hpp>

using namespace hallway;

Task<> serve(Connection client) {
  while (auto message = co_await client.receive()) {
    co_await client.send("activated: " + message->to_owned());
  }
}

int main() {
  std::cout << std::unitbuf;  // each line is seen at once, in a pipe, too
  Loop loop;
  Notifier notifier(loop);
  auto server = Server::open(loop, "activation", serve);
  if (!server) return report(server.error());
  std::cout << "serving " << server->address().to_string() << '\n';
  notifier.ready();  // where Type=notify asks for it
  loop.drain_on({SIGINT, SIGTERM});
  return loop.run();
}
