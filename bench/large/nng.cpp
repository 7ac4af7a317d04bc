// SPDX-License-Identifier: Apache-2.0
//
// nng with PAIR.
#include "../support/large.hpp"
#include "../support/with_nng.hpp"

namespace {

using namespace bench;

void receive_all(Side& side, const Options& options, const std::string& path) {
  NngSocket socket(nng_pair0_open);
  socket.set_size(NNG_OPT_RECVMAXSZ, 0);  // no limit
  socket.listen(path);
  side.ready();
  Deliveries deliveries(side, options);
  bool more = true;
  while (more) {
    more = deliveries.take(socket.receive().bytes());
    socket.send(NngMessage(acknowledgement));
  }
  socket.await_end();
}

void send_all(Side& side, const Options& options, const std::string& path) {
  NngSocket socket(nng_pair0_open);
  socket.set(NNG_OPT_SENDBUF, Window::most);
  socket.dial(path);
  Window window(side, options);
  while (const auto message = window.next()) {
    socket.send(NngMessage(*message));
    for (; window.waits(); window.acknowledged()) socket.receive();
  }
  window.end();
}

}  // namespace

int main(int argc, char** argv) { return run_large(argc, argv, receive_all, send_all); }
