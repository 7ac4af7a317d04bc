// SPDX-License-Identifier: Apache-2.0
#include "../support/clients.hpp"
#include "../support/nats_server.hpp"

int main(int argc, char** argv) {
  using namespace bench;
  return run_clients(argc, argv,
                     [](const Options&, const Directory& directory, std::uint16_t port) {
                       return nats_server(directory, port);
                     });
}
