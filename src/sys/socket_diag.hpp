// SPDX-License-Identifier: Apache-2.0
//
// What the kernel reports about sockets through netlink (sock_diag(7)), only for this network
// namespace.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "sys/expected.hpp"
#include "sys/internet.hpp"
#include "sys/socket.hpp"

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
  Type type = Type::stream;
};

/// Finds the socket that is bound to a file, by the file's device and the lower 32 bits of its
/// inode; or to an abstract name, given without the leading zero byte. Some file systems (btrfs,
/// overlayfs) show a device other than the kernel's own: their sockets are not found.
/// @errors ENOENT: none; ENOTUNIQ: more than one; else as inode_of()
Expected<ListeningSocket> listening_by_file(std::uint64_t device, std::uint64_t inode);
Expected<ListeningSocket> listening_by_name(const std::string& name);

/// The user at the other end of a TCP connection within this network namespace, as the kernel's
/// table of sockets has it at this moment.
struct TcpOwner {
  /// That made the socket, as the user namespace of this process sees it. Valid only if
  /// `established` and `held` are true: a socket that no process holds may read as that of root.
  std::uint32_t uid = 65534;
  bool established = false;  ///< neither end has shut it down or closed it
  bool held = false;         ///< a process has it open
};

/// Finds the socket that is bound to `its` address and connected to `ours`, and no other one.
/// `socket` is our end: it must be in the network namespace that the kernel answers for.
/// @errors ENOENT: there is none; EXDEV: `socket` is in another network namespace; ENOPROTOOPT:
///         this kernel has no number for a namespace (before 5.14); EPROTONOSUPPORT, EAFNOSUPPORT,
///         EPERM: netlink, or what it answers about TCP (tcp_diag), is missing or forbidden;
///         EPROTO: the answer is about another socket
Expected<TcpOwner> tcp_owner(int socket, const InternetAddress& its, const InternetAddress& ours);

}  // namespace hallway::sys
