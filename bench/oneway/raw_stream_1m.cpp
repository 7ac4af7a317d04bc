// SPDX-License-Identifier: Apache-2.0
//
// Batches of 256 KiB made by hand, and a send buffer of 1 MiB in the kernel.
#include "../support/raw_one_way.hpp"

namespace {

using namespace bench;

void send_all(Side& side, const Options& options, const std::string& path) {
  Departures departures(side, options);
  const Socket server = connect_to(path);
  set_send_buffer(server.get(), 1 << 20);
  send_batches(server, options, departures);
}

}  // namespace

int main(int argc, char** argv) { return run_one_way(argc, argv, receive_raw, send_all); }
