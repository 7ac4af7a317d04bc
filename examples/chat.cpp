// A chat room: what one says, all others hear.
//
//   chat [ADDRESS]
//
// Talk with `nc -U` or `hallway connect`. Nobody can pretend to be somebody else: who speaks is
// what the kernel says. A client too slow to listen loses messages, and holds up nobody.
#include <iostream>
#include <string>

#include <hallway/hallway.hpp>

using namespace hallway;

Task<> talk(Connection guest) {
  const std::string name =
      "guest " + std::to_string(guest.number()) + " (uid " + std::to_string(guest.peer().uid) + ")";
  co_await guest.send("you are " + name);
  co_await guest.broadcast(name + " has come");
  while (auto said = co_await guest.receive()) {
    co_await guest.broadcast(name + ": " + said->to_owned());
  }
  co_await guest.broadcast(name + " has left");
}

int main(int argc, char** argv) {
  std::cout << std::unitbuf;  // each line is seen at once, in a pipe, too
  Loop loop;
  auto server =
      Server::open(loop, argc > 1 ? argv[1] : "/tmp/chat.sock", talk, {.full = Full::drop_oldest});
  if (!server) return report(server.error());
  std::cout << "listening on " << server->address().to_string() << '\n';
  loop.drain_on({SIGINT, SIGTERM});
  return loop.run();
}
