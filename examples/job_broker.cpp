// A broker of jobs: clients send them, one a line, and one worker does them, one after the other.
//
//   job_broker ADDRESS IDLE_MILLISECONDS WORKER [ARGUMENT...]
//
// The worker is a child process that reads jobs from its standard input and answers each with a
// line. One that ends is started again. SIGTERM ends the program once the jobs that wait are done.
#include <chrono>
#include <csignal>
#include <iostream>
#include <string>
#include <vector>

#include <hallway/hallway.hpp>

using namespace hallway;

Task<> take_jobs(Connection client, Channel<std::string>& jobs) {
  while (auto job = co_await client.receive()) {
    if (co_await jobs.send(job->to_owned()) != Outcome::ok) co_return;
    co_await client.send("queued");
  }
}

Task<> work(Loop& loop, Channel<std::string>& jobs, Duration idle,
            std::vector<std::string> command) {
  for (;;) {
    auto worker = Child::spawn(loop, command);
    if (!worker) {
      loop.stop(report(worker.error()));
      co_return;
    }
    for (bool ended = false; !ended;) {
      auto next = co_await when_any(jobs.receive(), worker->wait(), loop.sleep(idle));
      if (auto* job = std::get_if<0>(&next)) {
        if (!*job) co_return;  // the loop drains, and no job is left
        auto answer = co_await worker->connection().request(**job);
        std::cout << **job << ": " << (answer ? answer->to_owned() : "not done") << '\n';
      } else if (auto* status = std::get_if<1>(&next)) {
        std::cout << "the worker ended: " << (*status ? (*status)->to_string() : "?") << '\n';
        ended = true;
      } else if (!loop.draining()) {
        std::cout << "nothing to do\n";
      }
    }
  }
}

int main(int argc, char** argv) {
  if (argc < 4) return 2;
  std::cout << std::unitbuf;  // flushes each line at once, also into a pipe
  Loop loop;
  Channel<std::string> jobs(loop, 100);
  auto server = Server::open(loop, argv[1],
                             [&](Connection client) { return take_jobs(std::move(client), jobs); });
  if (!server) return report(server.error());
  loop.drain_on({SIGINT, SIGTERM});
  loop.spawn(
      work(loop, jobs, std::chrono::milliseconds(std::stoi(argv[2])), {argv + 3, argv + argc}));
  return loop.run();
}
