// SPDX-License-Identifier: Apache-2.0
//
// Asio with batches of 256 KiB made by hand.
#include "../support/asio_one_way.hpp"

namespace {

using namespace bench;

struct Sender {
  void send() {
    const std::string_view frames = batch.fill(departures);
    if (!frames.empty()) server.send_frames(frames, [this] { send(); });
  }

  AsioPeer& server;
  Departures& departures;
  Batch batch;
};

void send_all(Side& side, const Options& options, const std::string& path) {
  asio::io_context loop(1);
  AsioPeer server = connect_asio(loop, path);
  Departures departures(side, options);
  Sender sender{server, departures, Batch(options)};
  sender.send();
  loop.run();
  departures.end();
}

}  // namespace

int main(int argc, char** argv) { return run_one_way(argc, argv, receive_asio, send_all); }
