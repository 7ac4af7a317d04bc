// SPDX-License-Identifier: Apache-2.0
//
// A peer over TCP that owes nothing to the library, as raw_socket.hpp is over Unix sockets. All on
// the loopback addresses.
#pragma once

#include <cstdint>
#include <string>

#include <hallway/descriptor.hpp>

namespace hallway::test {

enum class Loopback : std::uint8_t {
  v4,
  v6,
  v4_by_v6,  ///< a server of IPv4, and a client whose socket serves both (::ffff:127.0.0.1)
};

/// A TCP socket that listens at the loopback address, at a port that the kernel picks. Holds
/// nothing when it failed, with errno set.
Descriptor raw_tcp_listening(Loopback address = Loopback::v4);
/// The same at all addresses of this machine.
Descriptor raw_tcp_listening_anywhere();
/// The port that it is bound to.
std::uint16_t port_of(const Descriptor& socket);
/// A TCP socket that is connected to the port. Holds nothing when it failed, with errno set.
Descriptor raw_tcp_connected(std::uint16_t port, Loopback address = Loopback::v4);
/// The same to an address that is written as Hub::tcp_addresses() gives it.
Descriptor raw_tcp_connected(const std::string& address);
/// The next client, waiting for it.
Descriptor raw_accepted(const Descriptor& listener);

/// Both ends of a connection.
struct RawTcpPair {
  Descriptor ours;  ///< the end that was accepted
  Descriptor its;   ///< the end that connected
};
RawTcpPair raw_tcp_pair(Loopback address = Loopback::v4);

/// Whether this machine has a loopback address of IPv6.
bool has_ipv6();

}  // namespace hallway::test
