// SPDX-License-Identifier: Apache-2.0
//
// The work `fanout` with a broker that speaks the protocol of NATS over TCP: its raw sockets, and
// libnats, the client library that sends one message after the other.
#pragma once

#include <nats/nats.h>

#include <string>
#include <string_view>
#include <utility>

#include "fail.hpp"
#include "fanout.hpp"
#include "loopback.hpp"

namespace bench {

inline void check(natsStatus status, std::string_view operation) {
  if (status != NATS_OK) fail(std::string(operation) + ": " + natsStatus_GetText(status));
}

inline void publish_with_libnats(Publication& publication, std::uint16_t port) {
  natsConnection* server = nullptr;
  const std::string url = "nats://127.0.0.1:" + std::to_string(port);
  check(natsConnection_ConnectTo(&server, url.c_str()), "connect");
  const auto publish = [&](std::string_view message) {
    check(natsConnection_Publish(server, "t", message.data(), static_cast<int>(message.size())),
          "publish");
  };
  while (publication.announcing()) publish(publication.announcement());
  do {
    while (const auto message = publication.next()) publish(*message);
  } while (publication.again());
}

/// @param serve          runs the broker, which listens at `port`
/// @param further        further members of CONNECT, each with a comma in front
/// @param pushes_back    as Broker::pushes_back
inline Broker nats_broker(const Options& options, std::uint16_t port, std::function<void()> serve,
                          std::string_view further = {}, bool pushes_back = false) {
  const std::string hello = "CONNECT {\"verbose\":false,\"pedantic\":false,\"echo\":false" +
                            std::string(further) + "}\r\n";
  const std::string size = std::to_string(options.size);
  return {
      .serve = std::move(serve),
      .protocol = {.publisher_says = hello,
                   .subscriber_says = hello + "SUB t 1\r\n",
                   .before = "PUB t " + size + "\r\n",
                   .after = "\r\n",
                   .delivered_before = "MSG t 1 " + size + "\r\n",
                   .delivered_after = "\r\n",
                   .between = "PING\r\n"},
      .connect_subscriber = [port] { return connect_over_tcp(port); },
      .connect_publisher = [port] { return connect_over_tcp(port); },
      .publish_each = [port](Publication& publication) { publish_with_libnats(publication, port); },
      .pushes_back = pushes_back};
}

}  // namespace bench
