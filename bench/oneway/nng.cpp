// SPDX-License-Identifier: Apache-2.0
//
// nng with PUSH and PULL and the longest queues it allows.
#include "../support/one_way.hpp"
#include "../support/with_nng.hpp"

namespace {

using namespace bench;

constexpr int longest_queue = 8192;

void receive_all(Side& side, const Options& options, const std::string& path) {
  NngSocket socket(nng_pull0_open);
  socket.listen(path);
  side.ready();
  Arrivals arrivals(side, options);
  while (arrivals.take(socket.receive().bytes())) {
  }
}

void send_all(Side& side, const Options& options, const std::string& path) {
  NngSocket socket(nng_push0_open);
  socket.set(NNG_OPT_SENDBUF, longest_queue);
  socket.dial(path);
  Departures departures(side, options);
  while (const auto message = departures.next()) socket.send(NngMessage(*message));
  socket.await_end();
  departures.end();
}

}  // namespace

int main(int argc, char** argv) { return run_one_way(argc, argv, receive_all, send_all); }
