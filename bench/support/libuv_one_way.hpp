// SPDX-License-Identifier: Apache-2.0
//
// `oneway` with libuv: the receiver, and a sender for whatever is written at once.
#pragma once

#include <string>
#include <string_view>

#include "one_way.hpp"
#include "with_libuv.hpp"

namespace bench {

inline void receive_libuv(Side& side, const Options& options, const std::string& path) {
  UvLoop loop;
  Arrivals arrivals(side, options);
  UvPeer client(loop, batch_size,
                [&](UvPeer&, std::string_view message) { return arrivals.take(message); });
  const UvAcceptor acceptor(loop, path, client);
  side.ready();
  loop.run();
}

/// Sends what `next` gives, one write each, until that is empty.
template <typename Next>
class UvSender {
 public:
  UvSender(const std::string& path, Next next)
      : server_(loop_, batch_size, nullptr), next_(std::move(next)) {
    server_.open(connect_to(path));
  }

  void run() {
    send();
    loop_.run();
    server_.close();
    loop_.run();
  }

 private:
  void send() {
    while (true) {
      const std::string_view frames = next_();
      if (frames.empty() || !server_.send_frames(frames, [this] { send(); })) return;
    }
  }

  UvLoop loop_;
  UvPeer server_;
  Next next_;
};

}  // namespace bench
