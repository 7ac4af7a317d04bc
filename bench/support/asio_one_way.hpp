// SPDX-License-Identifier: Apache-2.0
//
// `oneway` with Asio: the receiver, for senders that batch and those that do not.
#pragma once

#include <string>

#include "one_way.hpp"
#include "with_asio.hpp"

namespace bench {

inline void receive_asio(Side& side, const Options& options, const std::string& path) {
  using asio::local::stream_protocol;
  asio::io_context loop(1);
  stream_protocol::acceptor acceptor(loop, stream_protocol::endpoint(path));
  side.ready();
  Arrivals arrivals(side, options);
  AsioPeer client(acceptor.accept(), batch_size,
                  [&](AsioPeer&, std::string_view message) { return arrivals.take(message); });
  client.read();
  loop.run();
}

inline AsioPeer connect_asio(asio::io_context& loop, const std::string& path) {
  AsioPeer::Socket socket(loop);
  socket.connect(asio::local::stream_protocol::endpoint(path));
  return {std::move(socket), batch_size, nullptr};
}

}  // namespace bench
