// A server that gets its listening socket from systemd or systemd-socket-activate.
//
//   systemd-socket-activate -l /tmp/app.sock activation
//
// No client is refused while it starts or restarts: the socket outlives the server. So does the
// socket file, which belongs to the program that created it.
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
  std::cout << std::unitbuf;  // flushes each line at once, also into a pipe
  Loop loop;
  Notifier notifier(loop);
  auto server = Server::open(loop, "activation", serve);
  if (!server) return report(server.error());
  std::cout << "serving " << server->address().to_string() << '\n';
  notifier.ready();  // for Type=notify
  loop.drain_on({SIGINT, SIGTERM});
  return loop.run();
}
