// Mirrors the seed: echo server that logs with process name and number (python-cookbook).
//
//   logged_echo_server [ADDRESS]
#include <unistd.h>

#include <iostream>

#include <hallway/hallway.hpp>

using namespace hallway;

std::ostream& log() { return std::clog << "[logged_echo_server (" << getpid() << ")] "; }

Task<> echo(Connection client) {
  log() << "start to handle request ...\n";
  while (auto data = co_await client.receive()) {
    log() << "recv: '" << data->bytes() << "'\n";
    co_await client.send(*data);
    log() << "sent: '" << data->bytes() << "'\n";
  }
  log() << "no data recv\n";
  log() << "end handling request\n";
}

int main(int argc, char** argv) {
  Loop loop;
  auto server = Server::open(loop, argc > 1 ? argv[1] : "xxx.sock", echo,
                             {.connection = {.framing = Framing::raw(1024)}});
  if (!server) return report(server.error());
  log() << "wait for request ...\n";
  loop.drain_on({SIGINT, SIGTERM});
  return loop.run();
}
