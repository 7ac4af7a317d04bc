// A client without a loop: it connects, sends a request, prints the answer, and gives up after a
// second.
//
//   design_client [ADDRESS]
#include <chrono>
#include <iostream>

#include <hallway/hallway.hpp>

using namespace hallway;
using namespace std::chrono_literals;

int main(int argc, char** argv) {
  auto client = Client::connect(argc > 1 ? argv[1] : "/run/app.sock", {.timeout = 1s});
  if (!client) return report(client.error());

  auto reply = client->request("status", 1s);
  if (!reply) return report(reply.error());

  std::cout << reply->bytes() << '\n';
}
