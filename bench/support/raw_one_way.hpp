// SPDX-License-Identifier: Apache-2.0
//
// `oneway` over a plain stream socket: the receiver, and the sender that batches by hand.
#pragma once

#include <sys/socket.h>

#include <cstddef>
#include <string>
#include <string_view>

#include "big_messages.hpp"
#include "fail.hpp"
#include "one_way.hpp"
#include "stream.hpp"

namespace bench {

/// Room for a read of batch_size behind a message that is not whole yet.
inline std::size_t room_for(const Options& options) {
  return options.size < batch_size ? batch_size : options.size + batch_size;
}

inline void receive_raw(Side& side, const Options& options, const std::string& path) {
  const Socket listener = listen_at(path);
  side.ready();
  const Socket client = accept_one(listener);
  Arrivals arrivals(side, options);
  FrameReader frames(room_for(options));
  while (true) {
    const std::span<char> space = frames.space();
    const ssize_t got = recv(client.get(), space.data(), space.size(), 0);
    if (got <= 0) fail_with_errno("recv");
    frames.add(static_cast<std::size_t>(got));
    while (const auto message = frames.next()) {
      if (!arrivals.take(*message)) return;
    }
  }
}

inline void send_batches(const Socket& server, const Options& options, Departures& departures) {
  if (options.size >= batch_size / 4) {
    while (const auto message = departures.next()) write_message(server, *message);
  } else {
    Batch batch(options);
    for (std::string_view frames; !(frames = batch.fill(departures)).empty();) {
      write_all(server.get(), frames);
    }
  }
  departures.end();
}

}  // namespace bench
