// SPDX-License-Identifier: Apache-2.0
//
// The server of `pingpong` with Hallway, for both kinds of clients.
#pragma once

#include <string>

#include "round_trips.hpp"
#include "with_hallway.hpp"

namespace bench {

inline void serve_hallway(Side& side, const Options& options, const std::string& path) {
  Echoes echoes(side, options);
  hallway::Loop loop;
  const auto echo = [&](hallway::Connection client) -> hallway::Task<> {
    while (auto question = co_await client.receive()) {
      echoes.asked(question->bytes());
      co_await client.send(*question);
    }
    loop.stop();
  };
  const auto server = require(hallway::Server::open(loop, path, echo, server_options(options)));
  side.ready();
  loop.run();
  echoes.end();
}

}  // namespace bench
