// A service that is replaced by its next version while clients keep coming.
//
//   upgrade ADDRESS VERSION
//
// Start it, then start it again: the second process takes over, the first answers what it has
// accepted and ends, and no client is refused in between. Under systemd, the manager is also
// notified.
#include <iostream>
#include <string>

#include <hallway/hallway.hpp>

using namespace hallway;

int main(int argc, char** argv) {
  std::cout << std::unitbuf;  // flushes each line at once, also into a pipe
  if (argc != 3) {
    std::cerr << "usage: upgrade ADDRESS VERSION\n";
    return 2;
  }
  const std::string which = argv[2];

  Loop loop;
  const auto answer = [&](Connection client) -> Task<> {
    while (auto question = co_await client.receive()) co_await client.send("version " + which);
  };
  const auto watch = [&](const ServerEvent& event) {
    if (event.kind != ServerEvent::Kind::taken_over) return;
    std::cout << "taken over " << event.reason << '\n';
    loop.drain();  // the server drains by itself; this sets a time limit
  };
  auto server = Server::open(loop, argv[1], answer, {.takeover = true, .on_event = watch});
  if (!server) return report(server.error());
  std::cout << "version " << which << " serves " << server->address().to_string() << '\n';
  loop.drain_on({SIGINT, SIGTERM});
  return loop.run();
}
