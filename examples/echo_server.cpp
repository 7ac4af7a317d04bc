// Mirrors the seed: echo in pieces of 16 bytes (socket_echo_server_uds.py).
//
//   echo_server [ADDRESS]
#include <iostream>

#include <hallway/hallway.hpp>

using namespace hallway;

Task<> echo(Connection client) {
  std::cout << "connection from " << client.peer().to_string() << '\n';
  while (auto piece = co_await client.receive()) {
    std::cout << "received '" << piece->bytes() << "'\n"
              << "sending data back to the client\n";
    co_await client.send(*piece);
  }
  std::cout << "no data from " << client.peer().to_string() << '\n';
}

int main(int argc, char** argv) {
  std::cout << std::unitbuf;  // flushes each line at once, also into a pipe
  Loop loop;
  auto server = Server::open(loop, argc > 1 ? argv[1] : "./uds_socket", echo,
                             {.connection = {.framing = Framing::raw(16)}});
  if (!server) return report(server.error());
  std::cout << "starting up on " << server->address().to_string() << '\n'
            << "waiting for connections\n";
  loop.drain_on({SIGINT, SIGTERM});
  return loop.run();
}
