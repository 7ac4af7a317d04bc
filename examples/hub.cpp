// A hub: routes messages by subject between all processes of a machine.
//
//   hub [ADDRESS]
//
// Then run `nc -U ADDRESS` in two terminals. In one, type `SUB news.* 1`, and in the other
//   PUB news.today 5
//   hello
#include <csignal>
#include <iostream>

#include <hallway/hallway.hpp>

using namespace hallway;

int main(int argc, char** argv) {
  HubOptions options;
  options.rules.stamped = {"signed.>"};  // subscribers with headers see the publisher
  options.on_hub_event = [](const HubEvent& event) {
    std::cerr << event.peer.to_string() << ": " << event.reason << '\n';
  };

  Loop loop;
  auto hub = Hub::start(loop, argc > 1 ? argv[1] : defaults::address, std::move(options));
  if (!hub) return report(hub.error());
  loop.drain_on({SIGINT, SIGTERM});
  return loop.run();
}
