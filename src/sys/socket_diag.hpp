// SPDX-License-Identifier: Apache-2.0
//
// What the kernel reports about sockets through netlink (sock_diag(7)), only for this network
// namespace.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "sys/expected.hpp"

namespace hallway::sys {

/// The inode number of the file that a socket of ours is bound to. The kernel reports only its
/// lower 32 bits (sock_diag(7)).
/// @errors ENOENT: it is not bound to a file; ENOENT, EPROTONOSUPPORT: this kernel lacks unix_diag;
///         EAFNOSUPPORT, EPERM: netlink is forbidden
Expected<std::uint32_t> inode_of(int socket);

/// The abstract names of all datagram sockets of this network namespace, without the leading zero
/// byte, and the uid that owns each socket. It is one request; the answer grows with the number of
/// sockets.
/// @errors as inode_of()
Expected<std::map<std::string, std::uint32_t>> abstract_datagram_names();

/// A listening socket, as the kernel reports it at this moment.
struct ListeningSocket {
  std::uint64_t socket = 0;   ///< its inode: "socket:[N]" in /proc/PID/fd
  std::uint32_t waiting = 0;  ///< clients that are not accepted yet
};

/// Finds the socket that is bound to a file, by the file's device and the lower 32 bits of its
/// inode; or to an abstract name, given without the leading zero byte. Some file systems (btrfs,
/// overlayfs) show a device other than the kernel's own: their sockets are not found.
/// @errors ENOENT: none; ENOTUNIQ: more than one; else as inode_of()
Expected<ListeningSocket> listening_by_file(std::uint64_t device, std::uint64_t inode);
Expected<ListeningSocket> listening_by_name(const std::string& name);

}  // namespace hallway::sys
