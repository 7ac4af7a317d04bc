// SPDX-License-Identifier: Apache-2.0
//
// ZeroMQ with PAIR, which is a little faster than REQ and REP.
#include "../support/round_trips.hpp"
#include "../support/with_zmq.hpp"

namespace {

using namespace bench;

void serve(Side& side, const Options& options, const std::string& path) {
  ZmqSocket socket(ZMQ_PAIR);
  socket.bind_for_one(path);
  side.ready();
  Echoes echoes(side, options);
  ZmqMessage message;
  bool more = true;
  while (more) {
    more = echoes.asked(message.receive(socket));
    message.send(socket);
  }
  echoes.end();
  socket.await_end();
}

void ask(Side& side, const Options& options, const std::string& path) {
  ZmqSocket socket(ZMQ_PAIR);
  socket.connect(path);
  RoundTrips trips(side, options);
  ZmqMessage answer;
  do {
    socket.send(trips.question());
  } while (trips.answered(answer.receive(socket)));
  socket.send(trips.goodbye());
  answer.receive(socket);
}

}  // namespace

int main(int argc, char** argv) { return run_round_trips(argc, argv, serve, ask); }
