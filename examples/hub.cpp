// Subjects for every process of a machine:
//
//   hub [ADDRESS]
//
// Then, in two terminals,   nc -U ADDRESS   with   SUB news.* 1   in one of them and
//   PUB news.today 5
//   hello
// in the other.
#include <csignal>
#include <iostream>

#include <hallway/hallway.hpp>

using namespace hallway;

int main(int argc, char** argv) {
  HubOptions options;
  options.rules.stamped = {"signed.>"};  // whoever asks for headers sees who published there
  options.on_hub_event = [](const HubEvent& event) {
    std::cerr << event.peer.to_string() << ": " << event.reason << '\n';
  };

  Loop loop;
  auto hub = Hub::start(loop, argc > 1 ? argv[1] : defaults::address, std::move(options));
  if (!hub) return report(hub.error());
  loop.drain_on({SIGINT, SIGTERM});
  return loop.run();
}
