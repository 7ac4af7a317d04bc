// SPDX-License-Identifier: Apache-2.0
//
// ZeroMQ with PUSH and PULL, which batches by itself. Without high-water marks: that is its
// fastest, and a receiver that has met its mark loses what is still in the kernel when the sender
// closes. A sender of large messages has one, because a long queue of them would be slower.
#include "../support/one_way.hpp"
#include "../support/with_zmq.hpp"

namespace {

using namespace bench;

constexpr std::size_t large = std::size_t{64} << 10;
constexpr int large_queued = 4;

void receive_all(Side& side, const Options& options, const std::string& path) {
  ZmqSocket socket(ZMQ_PULL);
  socket.set(ZMQ_RCVHWM, 0);
  socket.bind(path);
  side.ready();
  Arrivals arrivals(side, options);
  ZmqMessage message;
  while (arrivals.take(message.receive(socket))) {
  }
}

void send_all(Side& side, const Options& options, const std::string& path) {
  ZmqSocket socket(ZMQ_PUSH);
  socket.set(ZMQ_SNDHWM, options.size < large ? 0 : large_queued);
  socket.connect(path);
  Departures departures(side, options);
  while (const auto message = departures.next()) socket.send(*message);
  socket.await_end();
  departures.end();
}

}  // namespace

int main(int argc, char** argv) { return run_one_way(argc, argv, receive_all, send_all); }
