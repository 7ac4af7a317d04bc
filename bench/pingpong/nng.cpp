// SPDX-License-Identifier: Apache-2.0
//
// nng with PAIR, which is a little faster than REQ and REP.
#include "../support/round_trips.hpp"
#include "../support/with_nng.hpp"

namespace {

using namespace bench;

void serve(Side& side, const Options& options, const std::string& path) {
  NngSocket socket(nng_pair0_open);
  socket.listen(path);
  side.ready();
  Echoes echoes(side, options);
  bool more = true;
  while (more) {
    NngMessage message = socket.receive();
    more = echoes.asked(message.bytes());
    socket.send(std::move(message));
  }
  echoes.end();
  socket.await_end();
}

void ask(Side& side, const Options& options, const std::string& path) {
  NngSocket socket(nng_pair0_open);
  socket.dial(path);
  RoundTrips trips(side, options);
  bool more = true;
  while (more) {
    socket.send(NngMessage(trips.question()));
    more = trips.answered(socket.receive().bytes());
  }
  socket.send(NngMessage(trips.goodbye()));
  socket.receive();
}

}  // namespace

int main(int argc, char** argv) { return run_round_trips(argc, argv, serve, ask); }
