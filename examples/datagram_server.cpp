// Mirrors the seed: one-way datagrams until DONE (Python server.py).
//
//   datagram_server [ADDRESS]
#include <iostream>
#include <string>

#include <hallway/hallway.hpp>

using namespace hallway;

const std::string rule(20, '-');

Task<int> serve(Loop& loop, const char* address) {
  std::cout << "Opening a UNIX socket...\n";
  auto socket = DatagramSocket::bind(loop, address);
  if (!socket) co_return report(socket.error());

  std::cout << "Listening...\n";
  for (std::string text; text != "DONE";) {
    const auto datagram = co_await socket->receive();
    if (!datagram) co_return report(datagram.error());
    text = datagram->to_owned();
    if (text.empty()) break;
    std::cout << rule << '\n' << text << '\n';
  }

  std::cout << rule << "\nShutting down...\n";
  socket->close();  // also removes the socket file
  std::cout << "Done\n";
  co_return 0;
}

int main(int argc, char** argv) {
  std::cout << std::unitbuf;  // flushes each line at once, also into a pipe
  Loop loop;
  return loop.run(serve(loop, argc > 1 ? argv[1] : "./echo.socket"));
}
