// SPDX-License-Identifier: Apache-2.0
//
// TCP sockets, for the clients of a hub that speak nothing else: one thin function per system call
// (man 7 ip, ipv6, tcp), as in socket.hpp. What both kinds of socket share is there.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include <hallway/descriptor.hpp>

#include "sys/expected.hpp"

namespace hallway::sys {

/// An IP address and a port. An IPv4 address in its IPv6 form (::ffff:127.0.0.1), which the kernel
/// shows on a socket that serves both, is stored as IPv4.
struct InternetAddress {
  bool v6 = false;
  std::array<unsigned char, 16> host{};  ///< in network order; IPv4 uses the first four bytes
  std::uint16_t port = 0;                ///< in host order

  /// Whether only processes of this machine can have it: 127.0.0.0/8, ::1.
  [[nodiscard]] bool is_loopback() const noexcept;
  /// "127.0.0.1", "::1"
  [[nodiscard]] std::string host_text() const;

  friend bool operator==(const InternetAddress&, const InternetAddress&) = default;
};

/// Of a host in network order: 16 bytes for IPv6, 4 for IPv4.
InternetAddress internet_address(bool v6, const void* host, std::uint16_t port) noexcept;

/// Reads a numeric address without brackets, as inet_pton(3) does. nullopt for anything else, host
/// names included.
std::optional<InternetAddress> read_internet_address(const std::string& host, std::uint16_t port);

/// A non-blocking TCP socket that may be bound to a port on which ended connections remain
/// (SO_REUSEADDR). One of IPv6 serves IPv6 alone (IPV6_V6ONLY).
Expected<Descriptor> make_tcp_socket(bool v6);
Expected<void> bind(int socket, const InternetAddress& address);

/// @errors EAFNOSUPPORT: not an IPv4 or IPv6 socket; ENOTCONN: it has no peer, or no longer
Expected<InternetAddress> local_internet_address(int socket);
Expected<InternetAddress> remote_internet_address(int socket);

/// Whether it is a TCP socket; false for other sockets. @errors ENOTSOCK, EBADF
Expected<bool> is_tcp(int socket);

/// Sends each write at once, instead of waiting for more (TCP_NODELAY).
Expected<void> send_at_once(int socket);
/// Fixes the kernel's two buffers at about `size` each, as far as the kernel allows. Otherwise they
/// grow by themselves up to the last number of net.ipv4.tcp_wmem and tcp_rmem.
Expected<void> fix_buffers(int socket, std::size_t size);

/// A number that identifies the network namespace of a socket (SO_NETNS_COOKIE, Linux 5.14;
/// ENOPROTOOPT before).
Expected<std::uint64_t> network_namespace_of(int socket);

}  // namespace hallway::sys
