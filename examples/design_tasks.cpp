// Tasks that belong together end together; anything that waits can be given a time, or raced.
//
//   design_tasks [ADDRESS]    tells each client every 5 s that it is there; a line of a client is a
//                             job, and each job goes to one of the clients
#include <chrono>
#include <csignal>
#include <string>

#include <hallway/hallway.hpp>

using namespace hallway;
using namespace std::chrono_literals;

Task<> client(Connection peer, Channel<std::string>& jobs) {
  TaskScope scope(peer.loop());
  scope.spawn([&]() -> Task<> {
    for (;;) {
      co_await peer.loop().sleep(5s);
      peer.try_send("still here");
    }
  });
  for (;;) {
    auto next = co_await when_any(peer.receive(), jobs.receive());
    if (next.index() == 0) {
      const Received& message = std::get<0>(next);
      if (!message) break;  // the client is gone, or we drain
      const Outcome kept = co_await with_timeout(jobs.send(*message), 1s);
      co_await peer.send(kept == Outcome::ok ? "kept" : "there are too many jobs");
    } else if (const auto& job = std::get<1>(next)) {
      co_await peer.send("do " + *job);
    } else {
      break;
    }
  }
}  // the scope cancels what is left

int main(int argc, char** argv) {
  auto loop = Loop::create();
  if (!loop) return report(loop.error());
  Channel<std::string> jobs(*loop, 2);
  auto server = Server::open(*loop, argc > 1 ? argv[1] : "/tmp/unix_socket.sock",
                             [&](Connection peer) { return client(std::move(peer), jobs); });
  if (!server) return report(server.error());
  loop->drain_on({SIGINT, SIGTERM});
  return loop->run();
}
