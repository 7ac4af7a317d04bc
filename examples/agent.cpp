// An agent: programs of this machine send it datagrams, and it publishes each to a hub, under the
// subject "reports". It answers requests to "agent.count" with the number of reports so far.
//
//   agent SOCKET [HUB]
//
// Draining ends both waits, so that it ends at once after SIGTERM.
#include <csignal>
#include <iostream>
#include <string>

#include <hallway/hallway.hpp>

using namespace hallway;

Task<> forward(DatagramSocket& socket, hub::Client& hub, int& count) {
  while (auto datagram = co_await socket.receive()) {
    const hub::Sent sent = co_await hub.publish("reports", *datagram);
    if (!sent) report(sent.error());
    ++count;
  }
}

Task<> answer(hub::Subscription& questions, hub::Client& hub, const int& count) {
  while (auto question = co_await questions.receive()) {
    if (question->reply().empty()) continue;  // no answer is expected
    const hub::Sent sent = co_await hub.publish(question->reply(), std::to_string(count));
    if (!sent) report(sent.error());
  }
}

Task<Result<void>> agent(Loop& loop, std::string path, std::string hub_address) {
  auto socket = DatagramSocket::bind(loop, path);
  if (!socket) co_return std::unexpected(socket.error());
  auto hub = co_await hub::Client::connect(loop, hub_address);
  if (!hub) co_return std::unexpected(hub.error());
  auto questions = hub->subscribe("agent.count");
  if (!questions) co_return std::unexpected(questions.error());
  const hub::Sent known = co_await hub->flush();  // from here on the hub knows the subscription
  if (!known) co_return std::unexpected(known.error());
  std::cout << "ready\n" << std::flush;
  int count = 0;
  TaskScope scope(loop);
  scope.spawn(forward(*socket, *hub, count));
  scope.spawn(answer(*questions, *hub, count));
  co_await scope.join();
  co_return Result<void>();
}

int main(int argc, char** argv) {
  if (argc < 2) return 2;
  Loop loop;
  loop.drain_on({SIGINT, SIGTERM});
  int status = 0;
  loop.spawn([&]() -> Task<> {
    auto ended = co_await agent(loop, argv[1], argc > 2 ? argv[2] : defaults::hub_address);
    if (!ended) status = report(ended.error());
  });
  const int stopped = loop.run();
  return status != 0 ? status : stopped;
}
