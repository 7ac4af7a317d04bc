// Mirrors the seed: one-way datagrams until DONE (Python client.py).
//
//   datagram_client [ADDRESS]    sends each line of standard input
#include <iostream>
#include <string>

#include <hallway/hallway.hpp>

using namespace hallway;

int main(int argc, char** argv) {
  Loop loop;
  std::cout << "Connecting...\n";
  auto socket = DatagramSocket::connect(loop, argc > 1 ? argv[1] : "./echo.socket");
  if (!socket) {
    std::cout << "Cannot connect!\n";
    return report(socket.error());
  }

  std::cout << "Connected.\nCtrl-C to quit.\nSend 'DONE' to shut the server down.\n";
  std::string line;
  while (std::cout << "> " && std::getline(std::cin, line)) {
    if (line.empty()) continue;
    std::cout << "SENT: " << line << '\n';
    if (const auto sent = loop.run(socket->send(line)); !sent) return report(sent.error());
    if (line == "DONE") break;
  }
  std::cout << "Shutting down.\nDone\n";
}
