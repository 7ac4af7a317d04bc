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

/// A listening socket, as the kernel has it at this moment.
struct ListeningSocket {
  std::uint64_t socket = 0;   ///< its inode: "socket:[N]" in /proc/PID/fd
  std::uint32_t waiting = 0;  ///< clients that nobody has accepted yet
};

/// Of the socket that is bound to a file, by the file's device and the lower 32 bits of its inode;
/// or to an abstract name, without the zero in front. Some file systems show another device than
/// the kernel has (btrfs, overlays): their sockets are not found.
/// @errors ENOENT: none; ENOTUNIQ: more than one; as inode_of()
Expected<ListeningSocket> listening_by_file(std::uint64_t device, std::uint64_t inode);
Expected<ListeningSocket> listening_by_name(const std::string& name);

}  // namespace hallway::sys
