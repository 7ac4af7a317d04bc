// SPDX-License-Identifier: Apache-2.0
//
// `pingpong` over a plain stream socket, for every way of waiting for the next bytes.
#pragma once

#include <sys/types.h>

#include <concepts>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "fail.hpp"
#include "round_trips.hpp"
#include "stream.hpp"

namespace bench {

/// Made for one connected socket; read() waits for bytes and takes them: 0 is the end.
template <typename T>
concept Reader = std::constructible_from<T, int> && requires(T reader, std::span<char> space) {
  { reader.read(space) } -> std::same_as<ssize_t>;
};

/// Both halves' connection.
template <Reader R>
class RawPeer {
 public:
  explicit RawPeer(Socket socket) : socket_(std::move(socket)), reader_(socket_.get()) {}

  void send(std::string_view message) { write_all(socket_.get(), writer_.frame(message)); }

  /// The next message, borrowed until the next call; none at the end of the stream.
  std::optional<std::string_view> receive() {
    while (true) {
      if (const auto message = frames_.next()) return message;
      const ssize_t got = reader_.read(frames_.space());
      if (got < 0) fail_with_errno("recv");
      if (got == 0) return std::nullopt;
      frames_.add(static_cast<std::size_t>(got));
    }
  }

 private:
  static constexpr std::size_t room = std::size_t{128} << 10;

  Socket socket_;
  R reader_;
  FrameReader frames_{room};
  FrameWriter writer_;
};

template <Reader R>
void serve_raw(Side& side, const Options& options, const std::string& path) {
  const Socket listener = listen_at(path);
  side.ready();
  RawPeer<R> client(accept_one(listener));
  Echoes echoes(side, options);
  while (const auto question = client.receive()) {
    echoes.asked(*question);
    client.send(*question);
  }
  echoes.end();
}

template <Reader R>
void ask_raw(Side& side, const Options& options, const std::string& path) {
  RawPeer<R> server(connect_to(path));
  RoundTrips trips(side, options);
  std::optional<std::string_view> answer;
  do {
    server.send(trips.question());
    answer = server.receive();
    if (!answer) fail("the server is gone");
  } while (trips.answered(*answer));
}

template <Reader R>
int run_raw_round_trips(int argc, char** argv) {
  return run_round_trips(argc, argv, serve_raw<R>, ask_raw<R>);
}

}  // namespace bench
