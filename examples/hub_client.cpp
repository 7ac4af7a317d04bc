// A worker of a hub: it answers requests to a subject, and shares them with all other workers.
//
//   hub_client [ADDRESS]
//
// Start two or three, and send a request: `hallway request --subject shout hello`. If the hub is
// restarted, the workers reconnect. A worker that is stopped still answers the requests it has
// received.
#include <cctype>
#include <iostream>
#include <string>

#include <hallway/hallway.hpp>

using namespace hallway;

std::string shouted(ByteView words) {
  std::string loud(words);
  for (char& letter : loud) letter = static_cast<char>(std::toupper(letter));
  return loud;
}

void log_event(const hub::ClientEvent& event) { std::cerr << event << '\n'; }

Task<> work(Loop& loop, std::string address, int& status) {
  hub::ClientOptions options;
  options.name = "shouting worker";
  options.on_event = log_event;
  auto hub = co_await hub::Client::connect(loop, address, options);
  if (!hub) {
    status = report(hub.error());
    co_return;
  }
  auto questions = hub->subscribe("shout", {.queue = "workers"});
  if (!questions) {
    status = report(questions.error());
    co_return;
  }
  const hub::Sent flushed = co_await hub->flush();  // from here on the hub knows the subscription
  if (!flushed) {
    status = report(flushed.error());
    co_return;
  }
  std::cout << "working\n" << std::flush;

  TaskScope draining(loop);
  const auto drain = [&]() -> Task<> {
    const hub::Sent drained = co_await hub->drain();
    if (!drained) report(drained.error());
  };
  const auto on_drain = loop.on_drain([&] { draining.spawn(drain); });
  while (auto question = co_await questions->receive()) {
    if (question->reply().empty()) continue;  // no answer is expected
    const hub::Sent sent = co_await hub->publish(question->reply(), shouted(question->payload()));
    if (!sent) report(sent.error());
  }
  co_await draining.join();  // from here on the hub has all answers
}

int main(int argc, char** argv) {
  Loop loop;
  loop.drain_on({SIGINT, SIGTERM});
  int status = 0;
  loop.spawn(work(loop, argc > 1 ? argv[1] : "/tmp/hallway-hub.sock", status));
  const int stopped = loop.run();
  return status != 0 ? status : stopped;
}
