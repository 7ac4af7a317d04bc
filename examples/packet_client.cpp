// Mirrors the seed: packets with commands SEND and DOWN (Python client).
//
//   packet_client [ADDRESS [COMMAND]]
#include <cstdint>
#include <cstring>
#include <iostream>

#include <hallway/hallway.hpp>

using namespace hallway;

int main(int argc, char** argv) {
  const char* address = argc > 1 ? argv[1] : "/tmp/9Lq7BNBnBycd6nxy.socket";
  auto client = Client::connect(address, {.type = SocketType::seqpacket});
  if (!client) return report(client.error());

  auto size_packet = client->request(argc > 2 ? argv[2] : "SEND");
  if (!size_packet) return report(size_packet.error());
  std::int32_t size = 0;
  if (size_packet->size() != sizeof size) {
    std::cerr << "the first packet is not a size\n";
    return 1;
  }
  std::memcpy(&size, size_packet->bytes().data(), sizeof size);
  std::cout << size << '\n';

  auto contents = client->receive();
  if (!contents) return report(contents.error());
  std::cout << contents->bytes().substr(0, static_cast<std::size_t>(size)) << '\n';
}
