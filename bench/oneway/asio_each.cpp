// SPDX-License-Identifier: Apache-2.0
//
// Asio, one async_write a message: what its tutorials show.
#include "../support/asio_one_way.hpp"

namespace {

using namespace bench;

struct Sender {
  void send() {
    if (const auto message = departures.next()) {
      server.send_frames(writer.frame(*message), [this] { send(); });
    }
  }

  AsioPeer& server;
  Departures& departures;
  FrameWriter writer = {};
};

void send_all(Side& side, const Options& options, const std::string& path) {
  asio::io_context loop(1);
  AsioPeer server = connect_asio(loop, path);
  Departures departures(side, options);
  Sender sender{server, departures};
  sender.send();
  loop.run();
  departures.end();
}

}  // namespace

int main(int argc, char** argv) { return run_one_way(argc, argv, receive_asio, send_all); }
