// SPDX-License-Identifier: Apache-2.0
#include "../support/round_trips.hpp"
#include "../support/with_asio.hpp"

namespace {

using namespace bench;
using asio::local::stream_protocol;

constexpr std::size_t room = std::size_t{128} << 10;

void serve(Side& side, const Options& options, const std::string& path) {
  asio::io_context loop(1);
  stream_protocol::acceptor acceptor(loop, stream_protocol::endpoint(path));
  side.ready();
  Echoes echoes(side, options);
  AsioPeer client(acceptor.accept(), room, [&](AsioPeer& peer, std::string_view question) {
    echoes.asked(question);
    peer.send(question);
    return true;
  });
  client.read();
  loop.run();
  echoes.end();
}

void ask(Side& side, const Options& options, const std::string& path) {
  asio::io_context loop(1);
  stream_protocol::socket socket(loop);
  socket.connect(stream_protocol::endpoint(path));
  RoundTrips trips(side, options);
  AsioPeer server(std::move(socket), room, [&](AsioPeer& peer, std::string_view answer) {
    if (!trips.answered(answer)) return false;
    peer.send(trips.question());
    return true;
  });
  server.send(trips.question());
  server.read();
  loop.run();
}

}  // namespace

int main(int argc, char** argv) { return run_round_trips(argc, argv, serve, ask); }
