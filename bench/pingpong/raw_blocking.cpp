// SPDX-License-Identifier: Apache-2.0
//
// send(2) and recv(2) that sleep in the kernel: the simplest program there is.
#include <sys/socket.h>

#include "../support/fail.hpp"
#include "../support/round_trips.hpp"
#include "../support/stream.hpp"

namespace {

using namespace bench;

constexpr std::size_t room = 128 << 10;

/// The next message, or none at the end of the stream.
std::optional<std::string_view> receive(const Socket& socket, FrameReader& reader) {
  while (true) {
    if (const auto message = reader.next()) return message;
    const std::span<char> space = reader.space();
    const ssize_t got = recv(socket.get(), space.data(), space.size(), 0);
    if (got < 0) fail_with_errno("recv");
    if (got == 0) return std::nullopt;
    reader.add(static_cast<std::size_t>(got));
  }
}

void serve(Side& side, const Options& options, const std::string& path) {
  const Socket listener = listen_at(path);
  side.ready();
  const Socket client = accept_one(listener);
  Echoes echoes(side, options);
  FrameReader reader(room);
  FrameWriter writer;
  while (const auto question = receive(client, reader)) {
    echoes.asked(*question);
    write_all(client.get(), writer.frame(*question));
  }
  echoes.end();
}

void ask(Side& side, const Options& options, const std::string& path) {
  const Socket server = connect_to(path);
  RoundTrips trips(side, options);
  FrameReader reader(room);
  FrameWriter writer;
  std::optional<std::string_view> answer;
  do {
    write_all(server.get(), writer.frame(trips.question()));
    answer = receive(server, reader);
    if (!answer) fail("the server is gone");
  } while (trips.answered(*answer));
}

}  // namespace

int main(int argc, char** argv) { return run_round_trips(argc, argv, serve, ask); }
