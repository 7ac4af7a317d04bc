// SPDX-License-Identifier: Apache-2.0
//
// NATS, which has no Unix sockets: TCP over loopback.
#include "../support/nats_over_tcp.hpp"
#include "../support/nats_server.hpp"

int main(int argc, char** argv) {
  using namespace bench;
  return run_fanout(argc, argv, [](const Options& options, const Directory& directory) {
    const std::uint16_t port = free_port();
    return nats_broker(options, port, nats_server(directory, port));
  });
}
