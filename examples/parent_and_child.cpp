// Mirrors the seed: parent and child over a socket pair (socket_socketpair.py).
#include <sys/wait.h>
#include <unistd.h>

#include <iostream>

#include <hallway/hallway.hpp>

using namespace hallway;

int parent(Descriptor socket) {
  std::cout << "in parent, sending message\n";
  auto child = Client::adopt(std::move(socket));
  if (!child) return report(child.error());
  auto response = child->request("ping");
  if (!response) return report(response.error());
  std::cout << "response from child: '" << response->bytes() << "'\n";
  return 0;
}

int child(Descriptor socket) {
  std::cout << "in child, waiting for message\n";
  auto parent = Client::adopt(std::move(socket));
  if (!parent) return report(parent.error());
  auto message = parent->receive();
  if (!message) return report(message.error());
  std::cout << "message from parent: '" << message->bytes() << "'\n";
  return parent->send("pong") ? 0 : 1;
}

int main() {
  std::cout << std::unitbuf;  // flushes each line at once, also into a pipe
  auto pair = socket_pair();
  if (!pair) return report(pair.error());

  if (fork() == 0) {
    pair->first.close();  // else the child holds both ends, and never sees the parent's close
    return child(std::move(pair->second));
  }
  pair->second.close();
  const int status = parent(std::move(pair->first));
  wait(nullptr);
  return status;
}
