// SPDX-License-Identifier: Apache-2.0
#include "support/raw_tcp.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cstring>

namespace hallway::test {

namespace {

/// An address of either family, as system calls take it.
union Name {
  sockaddr any;
  sockaddr_in v4;
  sockaddr_in6 v6;
};

socklen_t size_of(Loopback address) {
  return address == Loopback::v4 ? sizeof(sockaddr_in) : sizeof(sockaddr_in6);
}

Name name_of(Loopback address, std::uint16_t port) {
  Name name{};
  if (address == Loopback::v4) {
    name.v4.sin_family = AF_INET;
    name.v4.sin_port = htons(port);
    name.v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  } else {
    name.v6.sin6_family = AF_INET6;
    name.v6.sin6_port = htons(port);
    const char* host = address == Loopback::v6 ? "::1" : "::ffff:127.0.0.1";
    inet_pton(AF_INET6, host, &name.v6.sin6_addr);
  }
  return name;
}

Descriptor made(Loopback address) {
  const int family = address == Loopback::v4 ? AF_INET : AF_INET6;
  return Descriptor::adopt(::socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0));
}

Descriptor listening(Loopback address, const Name& name) {
  Descriptor socket = made(address);
  if (::bind(socket.get(), &name.any, size_of(address)) != 0) return {};
  if (::listen(socket.get(), 16) != 0) return {};
  return socket;
}

}  // namespace

Descriptor raw_tcp_listening(Loopback address) { return listening(address, name_of(address, 0)); }

Descriptor raw_tcp_listening_anywhere() {
  Name name = name_of(Loopback::v4, 0);
  name.v4.sin_addr.s_addr = htonl(INADDR_ANY);
  return listening(Loopback::v4, name);
}

std::uint16_t port_of(const Descriptor& socket) {
  Name name{};
  socklen_t size = sizeof name;
  if (::getsockname(socket.get(), &name.any, &size) != 0) return 0;
  return ntohs(name.v4.sin_port);  // at the same place in both families
}

Descriptor raw_tcp_connected(std::uint16_t port, Loopback address) {
  Descriptor socket = made(address);
  const Name name = name_of(address, port);
  if (::connect(socket.get(), &name.any, size_of(address)) != 0) return {};
  return socket;
}

Descriptor raw_tcp_connected(const std::string& address) {
  const auto port = std::stoul(address.substr(address.rfind(':') + 1));
  return raw_tcp_connected(static_cast<std::uint16_t>(port),
                           address.contains('[') ? Loopback::v6 : Loopback::v4);
}

Descriptor raw_accepted(const Descriptor& listener) {
  return Descriptor::adopt(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
}

RawTcpPair raw_tcp_pair(Loopback address) {
  const Descriptor listener =
      raw_tcp_listening(address == Loopback::v6 ? Loopback::v6 : Loopback::v4);
  Descriptor its = raw_tcp_connected(port_of(listener), address);
  return {.ours = raw_accepted(listener), .its = std::move(its)};
}

bool has_ipv6() { return raw_tcp_listening(Loopback::v6).holds_one(); }

}  // namespace hallway::test
