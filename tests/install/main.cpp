// SPDX-License-Identifier: Apache-2.0
//
// A program of somebody else: it finds the headers, links, opens a server and leaves.
#include <hallway/hallway.hpp>

using namespace hallway;

namespace {

Task<> echo(Connection peer) {
  while (auto message = co_await peer.receive()) co_await peer.send(*message);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  Loop loop;
  auto server = Server::open(loop, argv[1], echo);
  return server ? 0 : report(server.error());
}
