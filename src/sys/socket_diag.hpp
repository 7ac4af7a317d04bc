// SPDX-License-Identifier: Apache-2.0
//
// What the kernel says of sockets by netlink (sock_diag(7)): only of those of this network
// namespace.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "sys/expected.hpp"

namespace hallway::sys {

/// The inode's number of the file that a socket of ours is bound to, as far as the kernel tells it:
/// its lower 32 bits (sock_diag(7)).
/// @errors ENOENT: it is bound to no file, or this kernel lacks unix_diag, as EPROTONOSUPPORT;
///         EAFNOSUPPORT, EPERM: netlink is forbidden
Expected<std::uint32_t> inode_of(int socket);

/// The abstract names of all datagram sockets of this network namespace, without the zero in front,
/// and the user whose each socket is: one request, whose answer grows with the sockets there are.
/// @errors as inode_of()
Expected<std::map<std::string, std::uint32_t>> abstract_datagram_names();

}  // namespace hallway::sys
