// A server that counts the lines of files. Each line of a client names one.
//
//   blocking_work [ADDRESS]
//
// Reading a file may block for long (a slow disk, a network file system, a FIFO), so it is done in
// a thread, and the loop goes on serving all other clients meanwhile.
#include <csignal>
#include <fstream>
#include <iostream>
#include <string>

#include <hallway/hallway.hpp>

using namespace hallway;

std::string count_lines(const std::string& path) {
  std::ifstream file(path);
  if (!file) return path + ": cannot be read";
  int count = 0;
  for (std::string line; std::getline(file, line);) ++count;
  return path + ": " + std::to_string(count);
}

Task<> serve(Connection client) {
  while (auto path = co_await client.receive()) {
    // It has a name, because GCC 12 would destroy what it captures twice.
    const auto count = [path = path->to_owned()] { return count_lines(path); };
    co_await client.send(co_await in_thread(count));
  }
}

int main(int argc, char** argv) {
  std::cout << std::unitbuf;  // flushes each line at once, also into a pipe
  Loop loop;
  auto server = Server::open(loop, argc > 1 ? argv[1] : "/tmp/count.sock", serve);
  if (!server) return report(server.error());
  std::cout << "listening on " << server->address().to_string() << '\n';
  loop.drain_on({SIGINT, SIGTERM});
  return loop.run();
}
