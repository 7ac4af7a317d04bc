// SPDX-License-Identifier: Apache-2.0
//
// Hallway's hub, for clients that know nothing of it: all of them connect over TCP, and the client
// library is libnats.
#include "../support/hub_over_tcp.hpp"
#include "../support/nats_over_tcp.hpp"

int main(int argc, char** argv) {
  using namespace bench;
  return run_fanout(argc, argv, [](const Options& options, const Directory& directory) {
    const std::uint16_t port = free_port();
    const std::string path = directory.socket();
    // Nobody is cut off for being slow: the publisher waits.
    return nats_broker(
        options, port, [options, path, port] { serve_hub_over_tcp(options, path, port); },
        ",\"full\":\"wait\"", true);
  });
}
