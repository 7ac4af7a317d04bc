// Mirrors the seed: echo in pieces of 16 bytes (socket_echo_client_uds.py).
//
//   echo_client [ADDRESS]
//
// The message goes out at once and comes back in pieces.
#include <iostream>

#include <hallway/hallway.hpp>

using namespace hallway;

int main(int argc, char** argv) {
  const char* address = argc > 1 ? argv[1] : "./uds_socket";
  constexpr ByteView message = "This is the message.  It will be repeated.";

  std::cout << "connecting to " << address << '\n';
  auto client = Client::connect(address, {.connection = {.framing = Framing::raw(16)}});
  if (!client) return report(client.error());

  std::cout << "sending '" << message << "'\n";
  if (const Sent sent = client->send(message); !sent) return report(sent.error());

  for (std::size_t received = 0; received < message.size();) {
    auto piece = client->receive();
    if (!piece) return report(piece.error());
    received += piece->size();
    std::cout << "received '" << piece->bytes() << "'\n";
  }
  std::cout << "closing socket\n";
}
