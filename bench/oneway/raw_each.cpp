// SPDX-License-Identifier: Apache-2.0
//
// One write(2) a message: a program that does not batch.
#include "../support/raw_one_way.hpp"

namespace {

using namespace bench;

void send_all(Side& side, const Options& options, const std::string& path) {
  const Socket server = connect_to(path);
  Departures departures(side, options);
  FrameWriter writer;
  while (const auto message = departures.next()) write_all(server.get(), writer.frame(*message));
  departures.end();
}

}  // namespace

int main(int argc, char** argv) { return run_one_way(argc, argv, receive_raw, send_all); }
