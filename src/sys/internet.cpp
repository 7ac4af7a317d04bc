// SPDX-License-Identifier: Apache-2.0
#include "sys/internet.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstring>

namespace hallway::sys {

namespace {

constexpr int so_netns_cookie = 71;  // Linux 5.14; the libraries of Debian 12 lack it

constexpr std::size_t v4_size = sizeof(in_addr);

/// An address in the kernel's form, and its size.
struct Name {
  sockaddr_storage storage{};
  socklen_t size = sizeof(sockaddr_storage);

  [[nodiscard]] sockaddr* raw() { return reinterpret_cast<sockaddr*>(&storage); }
};

Name to_name(const InternetAddress& address) {
  Name name;
  if (address.v6) {
    sockaddr_in6 form{};
    form.sin6_family = AF_INET6;
    form.sin6_port = htons(address.port);
    std::memcpy(&form.sin6_addr, address.host.data(), sizeof form.sin6_addr);
    name.size = sizeof form;
    std::memcpy(&name.storage, &form, sizeof form);
  } else {
    sockaddr_in form{};
    form.sin_family = AF_INET;
    form.sin_port = htons(address.port);
    std::memcpy(&form.sin_addr, address.host.data(), sizeof form.sin_addr);
    name.size = sizeof form;
    std::memcpy(&name.storage, &form, sizeof form);
  }
  return name;
}

Expected<InternetAddress> from_name(const Name& name) {
  if (name.storage.ss_family == AF_INET) {
    sockaddr_in form{};
    std::memcpy(&form, &name.storage, sizeof form);
    return internet_address(false, &form.sin_addr, ntohs(form.sin_port));
  }
  if (name.storage.ss_family != AF_INET6) return std::unexpected(EAFNOSUPPORT);
  sockaddr_in6 form{};
  std::memcpy(&form, &name.storage, sizeof form);
  return internet_address(true, &form.sin6_addr, ntohs(form.sin6_port));
}

Expected<void> set(int socket, int level, int name, int value) {
  return check(Call::setsockopt,
               [&] { return setsockopt(socket, level, name, &value, sizeof value); });
}

template <typename Value>
Expected<Value> get(int socket, int name) {
  Value value{};
  socklen_t size = sizeof value;
  const auto got =
      check(Call::getsockopt, [&] { return getsockopt(socket, SOL_SOCKET, name, &value, &size); });
  if (!got) return std::unexpected(got.error());
  return value;
}

}  // namespace

bool InternetAddress::is_loopback() const noexcept {
  constexpr unsigned char loopback_network = 127;
  if (!v6) return host[0] == loopback_network;
  std::array<unsigned char, sizeof host> one{};
  one.back() = 1;
  return host == one;
}

std::string InternetAddress::host_text() const {
  std::array<char, INET6_ADDRSTRLEN> text{};
  inet_ntop(v6 ? AF_INET6 : AF_INET, host.data(), text.data(), text.size());
  return text.data();
}

InternetAddress internet_address(bool v6, const void* host, std::uint16_t port) noexcept {
  InternetAddress address{.v6 = v6, .host = {}, .port = port};
  if (!v6) {
    std::memcpy(address.host.data(), host, v4_size);
    return address;
  }
  in6_addr form{};
  std::memcpy(&form, host, sizeof form);
  if (IN6_IS_ADDR_V4MAPPED(&form)) {
    return internet_address(false, form.s6_addr + sizeof form - v4_size, port);
  }
  std::memcpy(address.host.data(), &form, sizeof form);
  return address;
}

std::optional<InternetAddress> read_internet_address(const std::string& host, std::uint16_t port) {
  const bool v6 = host.contains(':');
  in6_addr form{};
  if (host.contains('\0')) return std::nullopt;
  if (inet_pton(v6 ? AF_INET6 : AF_INET, host.c_str(), &form) != 1) return std::nullopt;
  return internet_address(v6, &form, port);
}

Expected<Descriptor> make_tcp_socket(bool v6) {
  const auto number = retry_on_eintr(Call::socket, [&] {
    return ::socket(v6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  });
  if (!number) return std::unexpected(number.error());
  auto socket = Descriptor::adopt(*number);
  auto done = set(socket.get(), SOL_SOCKET, SO_REUSEADDR, 1);
  if (done && v6) done = set(socket.get(), IPPROTO_IPV6, IPV6_V6ONLY, 1);
  if (!done) return std::unexpected(done.error());
  return socket;
}

Expected<void> bind(int socket, const InternetAddress& address) {
  Name name = to_name(address);
  return check(Call::bind, [&] { return ::bind(socket, name.raw(), name.size); });
}

Expected<InternetAddress> local_internet_address(int socket) {
  Name name;
  const auto got =
      check(Call::getsockname, [&] { return ::getsockname(socket, name.raw(), &name.size); });
  if (!got) return std::unexpected(got.error());
  return from_name(name);
}

Expected<InternetAddress> remote_internet_address(int socket) {
  Name name;
  const auto got =
      check(Call::getpeername, [&] { return ::getpeername(socket, name.raw(), &name.size); });
  if (!got) return std::unexpected(got.error());
  return from_name(name);
}

Expected<bool> is_tcp(int socket) {
  const auto domain = get<int>(socket, SO_DOMAIN);
  if (!domain) return std::unexpected(domain.error());
  if (*domain != AF_INET && *domain != AF_INET6) return false;
  const auto protocol = get<int>(socket, SO_PROTOCOL);
  if (!protocol) return std::unexpected(protocol.error());
  return *protocol == IPPROTO_TCP;
}

Expected<void> send_at_once(int socket) { return set(socket, IPPROTO_TCP, TCP_NODELAY, 1); }

Expected<void> fix_buffers(int socket, std::size_t size) {
  const auto wanted = static_cast<int>(std::min(size, std::size_t{INT32_MAX / 2}));
  auto done = set(socket, SOL_SOCKET, SO_SNDBUF, wanted);
  return done ? set(socket, SOL_SOCKET, SO_RCVBUF, wanted) : done;
}

Expected<std::uint64_t> network_namespace_of(int socket) {
  return get<std::uint64_t>(socket, so_netns_cookie);
}

}  // namespace hallway::sys
