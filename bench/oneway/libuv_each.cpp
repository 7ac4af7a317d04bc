// SPDX-License-Identifier: Apache-2.0
//
// libuv, one write a message.
#include "../support/libuv_one_way.hpp"

namespace {

using namespace bench;

void send_all(Side& side, const Options& options, const std::string& path) {
  Departures departures(side, options);
  FrameWriter writer;
  UvSender sender(path, [&] {
    const auto message = departures.next();
    return message ? writer.frame(*message) : std::string_view();
  });
  sender.run();
  departures.end();
}

}  // namespace

int main(int argc, char** argv) { return run_one_way(argc, argv, receive_libuv, send_all); }
