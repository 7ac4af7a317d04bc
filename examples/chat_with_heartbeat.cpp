// A chat room that sends a heartbeat to each client, so that the client notices a server that is
// stuck.
//
//   chat_with_heartbeat [ADDRESS [MILLISECONDS]]
//
// Each client has a task of its own for the heartbeat. The scope ends it when the client leaves,
// and draining ends its sleep: after SIGTERM the program ends at once.
#include <chrono>
#include <csignal>
#include <iostream>
#include <string>

#include <hallway/hallway.hpp>

using namespace hallway;

Task<> chat(Connection client, Duration between_heartbeats) {
  const std::string name = "guest " + std::to_string(client.number());
  TaskScope scope(client.loop());
  scope.spawn([&]() -> Task<> {
    while (co_await client.loop().sleep(between_heartbeats) == Outcome::ok) {
      client.try_send("still here");
    }
  });
  while (auto message = co_await client.receive()) {
    co_await client.broadcast(name + ": " + message->to_owned());
  }
}

int main(int argc, char** argv) {
  std::cout << std::unitbuf;  // flushes each line at once, also into a pipe
  const std::chrono::milliseconds between(argc > 2 ? std::stoi(argv[2]) : 5000);
  auto loop = Loop::create();
  if (!loop) return report(loop.error());
  auto server =
      Server::open(*loop, argc > 1 ? argv[1] : "/tmp/chat.sock",
                   [between](Connection client) { return chat(std::move(client), between); });
  if (!server) return report(server.error());
  std::cout << "listening on " << server->address().to_string() << '\n';
  if (auto claimed = loop->drain_on({SIGINT, SIGTERM}); !claimed) return report(claimed.error());
  return loop->run();
}
