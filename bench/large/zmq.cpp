// SPDX-License-Identifier: Apache-2.0
//
// ZeroMQ with PAIR.
#include "../support/large.hpp"
#include "../support/with_zmq.hpp"

namespace {

using namespace bench;

void receive_all(Side& side, const Options& options, const std::string& path) {
  ZmqSocket socket(ZMQ_PAIR);
  socket.bind_for_one(path);
  side.ready();
  Deliveries deliveries(side, options);
  ZmqMessage message;
  bool more = true;
  while (more) {
    more = deliveries.take(message.receive(socket));
    socket.send(acknowledgement);
  }
  socket.await_end();
}

void send_all(Side& side, const Options& options, const std::string& path) {
  ZmqSocket socket(ZMQ_PAIR);
  socket.connect(path);
  Window window(side, options);
  ZmqMessage answer;
  while (const auto message = window.next()) {
    socket.send(*message);
    for (; window.waits(); window.acknowledged()) answer.receive(socket);
  }
  window.end();
}

}  // namespace

int main(int argc, char** argv) { return run_large(argc, argv, receive_all, send_all); }
