// A chat room: each message of a client goes to all other clients.
//
//   chat [ADDRESS]
//
// Connect with `nc -U` or `hallway connect`. A client cannot pretend to be another user: the kernel
// identifies the sender. A client that reads too slowly loses messages, and delays no other client.
#include <iostream>
#include <string>

#include <hallway/hallway.hpp>

using namespace hallway;

Task<> chat(Connection client) {
  const std::string name = "guest " + std::to_string(client.number()) + " (uid " +
                           std::to_string(client.peer().uid) + ")";
  co_await client.send("you are " + name);
  co_await client.broadcast(name + " has come");
  while (auto message = co_await client.receive()) {
    co_await client.broadcast(name + ": " + message->to_owned());
  }
  co_await client.broadcast(name + " has left");
}

int main(int argc, char** argv) {
  std::cout << std::unitbuf;  // flushes each line at once, also into a pipe
  Loop loop;
  auto server = Server::open(loop, argc > 1 ? argv[1] : "/tmp/chat.sock", chat,
                             {.connection = {.overflow = OverflowPolicy::drop_oldest}});
  if (!server) return report(server.error());
  std::cout << "listening on " << server->address().to_string() << '\n';
  loop.drain_on({SIGINT, SIGTERM});
  return loop.run();
}
