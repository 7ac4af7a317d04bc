// SPDX-License-Identifier: Apache-2.0
//
// Batches of 256 KiB made by hand.
#include "../support/raw_one_way.hpp"

namespace {

using namespace bench;

void send_all(Side& side, const Options& options, const std::string& path) {
  Departures departures(side, options);
  send_batches(connect_to(path), options, departures);
}

}  // namespace

int main(int argc, char** argv) { return run_one_way(argc, argv, receive_raw, send_all); }
