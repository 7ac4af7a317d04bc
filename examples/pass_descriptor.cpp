// Passes an open file to another process, which needs no permission of its own to open it.
//
//   pass_descriptor ADDRESS         prints the files it is given
//   pass_descriptor ADDRESS FILE    opens FILE and sends it
#include <fcntl.h>
#include <unistd.h>

#include <cstdio>
#include <iostream>
#include <string>
#include <vector>

#include <hallway/hallway.hpp>

using namespace hallway;

Task<> print_files(Connection giver) {
  while (auto name = co_await giver.receive()) {
    for (const Descriptor& file : name->descriptors()) {
      std::cout << "== " << name->bytes() << " ==\n";
      char piece[4096];
      for (ssize_t size = 0; (size = read(file.get(), piece, sizeof piece)) > 0;) {
        std::cout.write(piece, size);
      }
    }
    std::cout.flush();
    co_await giver.send("printed");
  }
}

int receive(const char* address) {
  Loop loop;
  auto server = Server::open(loop, address, print_files, {.connection = {.descriptors = 1}});
  if (!server) return report(server.error());
  loop.drain_on({SIGINT, SIGTERM});
  return loop.run();
}

int give(const char* address, const char* name) {
  auto client = Client::connect(address);
  if (!client) return report(client.error());
  std::vector<Descriptor> files;
  files.push_back(Descriptor::adopt(open(name, O_RDONLY | O_CLOEXEC)));
  if (!files.front().holds_one()) {
    std::perror(name);
    return 1;
  }
  if (const Sent sent = client->send(name, std::move(files)); !sent) return report(sent.error());
  auto answer = client->receive();
  if (!answer) return report(answer.error());
  std::cout << answer->bytes() << '\n';
  return 0;
}

int main(int argc, char** argv) {
  if (argc == 2) return receive(argv[1]);
  if (argc == 3) return give(argv[1], argv[2]);
  std::cerr << "usage: pass_descriptor ADDRESS [FILE]\n";
  return 2;
}
