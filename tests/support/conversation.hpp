// SPDX-License-Identifier: Apache-2.0
//
// A connection of the library and, at its other end, a raw socket.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <hallway/connection.hpp>
#include <hallway/loop.hpp>

#include "support/raw_socket.hpp"
#include "support/waiting.hpp"

namespace hallway::test {

/// What a task that receives until the end has seen.
struct Log {
  std::vector<std::string> messages;
  std::optional<Outcome> end;
  std::string why;
};

inline Task<> receive_all(Connection& connection, Log& log) {
  while (true) {
    Received received = co_await connection.receive();
    if (!received) {
      log.end = received.outcome();
      log.why = received.error().explain();
      co_return;
    }
    log.messages.push_back(received->to_owned());
  }
}

/// Answers every message with the same message.
inline Task<> echo(Connection connection) {
  while (auto message = co_await connection.receive()) co_await connection.send(*message);
}

/// Sends, and notes what came of it.
inline Task<> note_send(Connection& connection, std::string message,
                        std::optional<Outcome>& outcome) {
  outcome = (co_await connection.send(message)).outcome();
}

inline Task<> note_flush(Connection& connection, std::optional<Outcome>& outcome) {
  outcome = (co_await connection.flush()).outcome();
}

class Conversation : public testing::Test {
 protected:
  /// May be called again: the conversation before it is over, and so are its tasks.
  void start(SocketType type = SocketType::stream, ConnectionOptions options = {}) {
    if (ours) ours->close();
    loop.turn();
    log = {};
    auto [near, far] = raw_pair(type == SocketType::stream ? SOCK_STREAM : SOCK_SEQPACKET);
    auto adopted = Connection::adopt(loop, std::move(near), std::move(options));
    ASSERT_TRUE(adopted) << adopted.error().explain();
    ours.emplace(std::move(*adopted));
    theirs.emplace(std::move(far));
  }

  /// Sends from our end.
  void say(const std::string& message) { EXPECT_TRUE(ours->try_send(message)); }

  /// Starts receiving into `log`.
  void listen() { loop.spawn(receive_all(*ours, log)); }

  bool until(const std::function<bool()>& condition) { return run_until(loop, condition); }
  bool until_ended() {
    return until([this] { return log.end.has_value(); });
  }
  /// Until the raw peer has read that much.
  bool until_they_have(std::size_t bytes) {
    return until([&] {
      theirs->collect();
      return theirs->received.size() >= bytes;
    });
  }
  bool until_they_see_the_end() {
    return until([&] {
      theirs->collect();
      return theirs->ended;
    });
  }

  Loop loop;
  std::optional<Connection> ours;
  std::optional<RawStream> theirs;
  Log log;
};

}  // namespace hallway::test
