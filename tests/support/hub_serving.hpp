// SPDX-License-Identifier: Apache-2.0
//
// A hub and raw clients that type the protocol, all on one loop.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <hallway/hub.hpp>

#include "support/raw_socket.hpp"
#include "support/temp_directory.hpp"
#include "support/waiting.hpp"

namespace hallway::test {

/// What programs send first: no answers but to what asks for one, and headers.
inline constexpr std::string_view connect_as_programs_do =
    "CONNECT {\"verbose\":false,\"pedantic\":false,\"headers\":true,\"no_responders\":true}\r\n";

inline std::string pub(const std::string& subject, const std::string& payload,
                       const std::string& reply = "") {
  return "PUB " + subject + (reply.empty() ? "" : " " + reply) + " " +
         std::to_string(payload.size()) + "\r\n" + payload + "\r\n";
}

inline std::string msg(const std::string& subject, const std::string& sid,
                       const std::string& payload) {
  return "MSG " + subject + " " + sid + " " + std::to_string(payload.size()) + "\r\n" + payload +
         "\r\n";
}

/// What a subscription is told of messages it lost.
inline std::string gap(const std::string& sid, std::size_t lost) {
  return msg("$SYS.HUB.GAP", sid, std::to_string(lost));
}

class HubServing : public testing::Test {
 protected:
  using Kind = HubEvent::Kind;

  void start(HubOptions options = {}) {
    options.on_hub_event = [this](const HubEvent& event) { events.push_back(event); };
    auto started = Hub::start(loop, path, std::move(options));
    ASSERT_TRUE(started) << started.error().explain();
    hub.emplace(std::move(*started));
  }
  void start_with(HubRules rules) {
    HubOptions options;
    options.rules = std::move(rules);
    start(std::move(options));
  }

  /// A client that has heard its INFO, which is in `info`, and bytes `first`.
  RawStream connect(std::string_view first = connect_as_programs_do) {
    RawStream client(raw_connected(SOCK_STREAM, path));
    greet(client, first);
    return client;
  }
  void greet(RawStream& client, std::string_view first) {
    EXPECT_GE(client.get(), 0);
    EXPECT_TRUE(until([&] {
      client.collect();
      return client.received.ends_with("\r\n");
    }));
    info = std::exchange(client.received, {});
    client.send(first);
    synchronize(client);
  }

  /// The same as another user; needs root.
  RawStream connect_as(unsigned uid, std::string_view first = connect_as_programs_do) {
    EXPECT_EQ(::seteuid(uid), 0);  // what the kernel notes is that of connect(2)
    RawStream client(raw_connected(SOCK_STREAM, path));
    EXPECT_EQ(::seteuid(0), 0);
    greet(client, first);
    return client;
  }

  /// Until the hub has dealt with all that the client bytes before. What it hears meanwhile is
  /// kept.
  void synchronize(RawStream& client) {
    client.send("PING\r\n");
    EXPECT_TRUE(until([&] {
      client.collect();
      return client.received.ends_with("PONG\r\n") || client.ended;
    })) << client.received;
    if (client.received.ends_with("PONG\r\n")) client.received.resize(client.received.size() - 6);
  }

  /// What a client hears after it has bytes this.
  std::string answer(RawStream& client, std::string_view bytes) {
    client.received.clear();
    client.send(bytes);
    synchronize(client);
    return client.received;
  }

  void send(RawStream& client, std::string_view bytes) {
    EXPECT_EQ(client.send(bytes), static_cast<ssize_t>(bytes.size()));
    synchronize(client);
  }

  /// Sends all of it, however long that takes; the hub may have to read meanwhile.
  void send_all(RawStream& client, std::string_view bytes) {
    EXPECT_TRUE(until([&] {
      const ssize_t sent = client.send(bytes.substr(0, 64 * kibibyte));
      if (sent > 0) bytes.remove_prefix(static_cast<std::size_t>(sent));
      return bytes.empty();
    }));
  }

  bool until(const std::function<bool()>& condition) { return run_until(loop, condition); }
  bool until_received(RawStream& client, std::string_view bytes) {
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

  TempDirectory directory{0755};
  std::string path = directory / "hub";
  std::vector<HubEvent> events;
  std::string info;
  Loop loop;
  std::optional<Hub> hub;
};

}  // namespace hallway::test
