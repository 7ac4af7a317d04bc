// SPDX-License-Identifier: Apache-2.0
//
// Blocking calls and a send buffer of 1 MiB in the kernel.
#include "../support/big_messages.hpp"
#include "../support/large.hpp"

namespace {

using namespace bench;

void receive_all(Side& side, const Options& options, const std::string& path) {
  const Socket listener = listen_at(path);
  side.ready();
  const Socket client = accept_one(listener);
  Deliveries deliveries(side, options);
  std::vector<char> buffer;
  bool more = true;
  while (more) {
    more = deliveries.take(read_message(client, buffer));
    write_all(client.get(), acknowledgement);
  }
}

void send_all(Side& side, const Options& options, const std::string& path) {
  const Socket server = connect_to(path);
  set_send_buffer(server.get(), 1 << 20);
  Window window(side, options);
  std::array<char, acknowledgement.size()> answer{};
  while (const auto message = window.next()) {
    write_message(server, *message);
    for (; window.waits(); window.acknowledged()) read_all(server, answer);
  }
  window.end();
}

}  // namespace

int main(int argc, char** argv) { return run_large(argc, argv, receive_all, send_all); }
