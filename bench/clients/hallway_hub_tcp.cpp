// SPDX-License-Identifier: Apache-2.0
//
// Hallway's hub, for programs that were written for a nats-server.
#include "../support/clients.hpp"
#include "../support/hub_over_tcp.hpp"

int main(int argc, char** argv) {
  using namespace bench;
  return run_clients(
      argc, argv, [](const Options& options, const Directory& directory, std::uint16_t port) {
        return
            [options, path = directory.socket(), port] { serve_hub_over_tcp(options, path, port); };
      });
}
