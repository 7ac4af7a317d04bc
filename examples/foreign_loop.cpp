// Hallway inside an existing event loop: here poll(2), elsewhere Qt, GLib or libuv.
//
//   foreign_loop [ADDRESS]    sends each line of standard input to every client, and prints what
//                             clients send, until the end of input
#include <poll.h>
#include <unistd.h>

#include <iostream>
#include <string>

#include <hallway/hallway.hpp>

using namespace hallway;

Task<> print(Connection client) {
  while (auto message = co_await client.receive()) std::cout << message->bytes() << '\n';
}

Task<> announce(Server& server, std::string text) { co_await server.broadcast(text); }

int main(int argc, char** argv) {
  std::cout << std::unitbuf;  // flushes each line at once, also into a pipe
  Loop loop;
  auto server = Server::open(loop, argc > 1 ? argv[1] : defaults::address, print);
  if (!server) return report(server.error());
  std::cout << "listening on " << server->address().to_string() << '\n';

  pollfd watched[] = {{STDIN_FILENO, POLLIN, 0}, {loop.descriptor(), POLLIN, 0}};
  for (std::string typed; poll(watched, std::size(watched), -1) > 0;) {
    if (watched[0].revents != 0) {
      char bytes[512];
      const ssize_t size = read(STDIN_FILENO, bytes, sizeof bytes);
      if (size <= 0) break;
      typed.append(bytes, static_cast<std::size_t>(size));
      for (std::size_t end = 0; (end = typed.find('\n')) != std::string::npos;) {
        loop.spawn(announce(*server, typed.substr(0, end)));
        typed.erase(0, end + 1);
      }
    }
    if (watched[1].revents != 0) loop.turn();
  }
  loop.drain();
  return loop.run();
}
