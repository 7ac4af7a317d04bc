// SPDX-License-Identifier: Apache-2.0
//
// libuv with batches of 256 KiB made by hand.
#include "../support/libuv_one_way.hpp"

namespace {

using namespace bench;

void send_all(Side& side, const Options& options, const std::string& path) {
  Departures departures(side, options);
  Batch batch(options);
  UvSender sender(path, [&] { return batch.fill(departures); });
  sender.run();
  departures.end();
}

}  // namespace

int main(int argc, char** argv) { return run_one_way(argc, argv, receive_libuv, send_all); }
