// A server that answers every line with the same line.
#include <hallway/hallway.hpp>
using namespace hallway;

Task<> echo(Connection peer) {
  while (auto message = co_await peer.receive()) co_await peer.send(*message);
}

int main() {
  Loop loop;
  auto server = Server::open(loop, "/tmp/unix_socket.sock", echo);
  if (!server) return report(server.error());  // "bind unix:/tmp/unix_socket.sock: in use by ..."
  loop.drain_on({SIGINT, SIGTERM});            // explicit: the library handles no signal by itself
  return loop.run();                           // 0 after a clean drain
}
