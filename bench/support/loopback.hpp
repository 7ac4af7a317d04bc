// SPDX-License-Identifier: Apache-2.0
//
// TCP within this machine, for brokers that have no Unix sockets.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>

#include <cstdint>

#include "fail.hpp"
#include "stream.hpp"

namespace bench {

inline sockaddr_in loopback(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

/// One that nobody listens at now.
inline std::uint16_t free_port() {
  const Socket socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address = loopback(0);
  socklen_t size = sizeof address;
  auto* any = reinterpret_cast<sockaddr*>(&address);
  if (bind(socket.get(), any, size) != 0 || getsockname(socket.get(), any, &size) != 0) {
    fail_with_errno("bind");
  }
  return ntohs(address.sin_port);
}

inline Socket connect_over_tcp(std::uint16_t port) {
  const sockaddr_in address = loopback(port);
  Socket socket =
      connect_when_listening(reinterpret_cast<const sockaddr&>(address), sizeof address);
  const int on = 1;
  setsockopt(socket.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  return socket;
}

}  // namespace bench
