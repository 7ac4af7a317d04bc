// SPDX-License-Identifier: Apache-2.0
#include "../support/round_trips.hpp"
#include "../support/with_libuv.hpp"

namespace {

using namespace bench;

constexpr std::size_t room = std::size_t{128} << 10;

void serve(Side& side, const Options& options, const std::string& path) {
  UvLoop loop;
  Echoes echoes(side, options);
  UvPeer client(loop, room, [&](UvPeer& peer, std::string_view question) {
    echoes.asked(question);
    peer.send(question);
    return true;
  });
  const UvAcceptor acceptor(loop, path, client);
  side.ready();
  loop.run();
  echoes.end();
}

void ask(Side& side, const Options& options, const std::string& path) {
  UvLoop loop;
  RoundTrips trips(side, options);
  UvPeer server(loop, room, [&](UvPeer& peer, std::string_view answer) {
    if (!trips.answered(answer)) return false;
    peer.send(trips.question());
    return true;
  });
  server.open(connect_to(path));
  server.read();
  server.send(trips.question());
  loop.run();
}

}  // namespace

int main(int argc, char** argv) { return run_round_trips(argc, argv, serve, ask); }
