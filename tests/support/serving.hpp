// SPDX-License-Identifier: Apache-2.0
//
// A server of the library and raw clients, all on one loop.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <hallway/server.hpp>

#include "support/conversation.hpp"
#include "support/raw_socket.hpp"
#include "support/temp_directory.hpp"
#include "support/waiting.hpp"

namespace hallway::test {

class Serving : public testing::Test {
 protected:
  using Kind = ServerEvent::Kind;

  /// Opens a server on `path` that keeps what it reports in `events`.
  void open(ConnectionHandler handler, ServerOptions options = {}) {
    options.on_event = [this](const ServerEvent& event) {
      events.push_back(event);
      if (on_event) on_event(event);
    };
    type = options.type == SocketType::stream ? SOCK_STREAM : SOCK_SEQPACKET;
    auto opened = Server::open(loop, path, std::move(handler), std::move(options));
    ASSERT_TRUE(opened) << opened.error().explain();
    running.emplace(std::move(*opened));
  }

  /// A connected client; the server has not seen it yet.
  [[nodiscard]] RawStream connect() const {
    RawStream client(raw_connected(type, path));
    EXPECT_GE(client.get(), 0);
    return client;
  }

  bool until(const std::function<bool()>& condition) { return run_until(loop, condition); }
  bool until_connections(std::size_t count) {
    return until([&] { return running->connections() == count; });
  }
  bool until_received(RawStream& client, const std::string& bytes) {
    return until([&] {
      client.collect();
      return client.received == bytes;
    });
  }
  bool until_ended(RawStream& client) {
    return until([&] {
      client.collect();
      return client.ended;
    });
  }

  [[nodiscard]] std::size_t count(Kind kind) const {
    return static_cast<std::size_t>(std::count_if(
        events.begin(), events.end(), [kind](const auto& event) { return event.kind == kind; }));
  }
  /// The reason of the latest event of that kind.
  [[nodiscard]] std::string reason(Kind kind) const {
    for (auto event = events.rbegin(); event != events.rend(); ++event) {
      if (event->kind == kind) return event->reason;
    }
    return "no such event";
  }

  TempDirectory directory{0755};
  std::string path = directory / "s";
  int type = SOCK_STREAM;
  std::vector<ServerEvent> events;
  std::function<void(const ServerEvent&)> on_event;  ///< what the program does besides
  Loop loop;
  std::optional<Server> running;
};

/// Receives until the end and answers nothing.
inline Task<> ignore(Connection connection) {
  while (auto message = co_await connection.receive()) {
  }
}

}  // namespace hallway::test
