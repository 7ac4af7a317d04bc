// Mirrors the seed: packets with commands SEND and DOWN (C server).
//
//   packet_server [ADDRESS]
//
// Either command is answered with two packets: the size of the contents, a 32-bit integer in host
// order, then the contents. DOWN also stops the server.
#include <cstdint>
#include <cstring>
#include <iostream>

#include <hallway/hallway.hpp>

using namespace hallway;

constexpr ByteView contents = "Hello World!\n";

Task<> answer(Connection client) {
  const auto size = static_cast<std::int32_t>(contents.size());
  char size_packet[sizeof size];
  std::memcpy(size_packet, &size, sizeof size);

  std::cout << "Sending buffer of size: " << size << '\n';
  co_await client.send({size_packet, sizeof size_packet});
  std::cout << "Sending contents of buffer\n";
  co_await client.send(contents);
}

Task<> serve(Connection client) {
  while (auto command = co_await client.receive()) {
    std::cout << command->bytes() << '\n';
    const bool down = command->bytes() == "DOWN";
    if (!down && command->bytes() != "SEND") continue;
    std::cout << (down ? "Closing program" : "Sending data") << '\n';
    if (down) client.loop().drain();
    co_return co_await answer(std::move(client));
  }
}

int main(int argc, char** argv) {
  std::cout << std::unitbuf;  // flushes each line at once, also into a pipe
  const char* address = argc > 1 ? argv[1] : "/tmp/9Lq7BNBnBycd6nxy.socket";
  Loop loop;
  auto server = Server::open(loop, address, serve, {.type = SocketType::seqpacket});
  if (!server) return report(server.error());
  loop.drain_on({SIGINT, SIGTERM});
  return loop.run();
}
