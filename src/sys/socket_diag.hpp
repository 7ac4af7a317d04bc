// SPDX-License-Identifier: Apache-2.0
//
// What the kernel reports about sockets through netlink (sock_diag(7)), only for this network
// namespace.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

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

/// The file that a socket is bound to.
struct BoundFile {
  /// Of the device of its mount, as in /proc/PID/mountinfo. On some file systems (btrfs, overlayfs)
  /// stat(2) shows another one.
  std::uint32_t major = 0;
  std::uint32_t minor = 0;
  std::uint32_t inode = 0;  ///< the lower 32 bits

  friend bool operator==(const BoundFile&, const BoundFile&) noexcept = default;
};

/// Finds the socket that is bound to a file, or to an abstract name, given without the leading zero
/// byte.
/// @errors ENOENT: none; ENOTUNIQ: more than one; else as inode_of()
Expected<ListeningSocket> listening_by_file(const BoundFile& file);
Expected<ListeningSocket> listening_by_name(const std::string& name);

enum class UnixState : std::uint8_t { connected, unconnected, listening };

/// A Unix socket, as the kernel reports it at this moment.
struct UnixSocket {
  std::uint64_t inode = 0;  ///< "socket:[N]" in /proc/PID/fd; zero: no process has it yet
  Type type = Type::stream;
  UnixState state = UnixState::unconnected;
  /// As it was given to bind(2), an abstract name with its leading zero byte. A socket that was
  /// accepted has the name and the file of the one that listens.
  std::string name = {};
  std::optional<BoundFile> file = {};
  std::optional<std::uint32_t> uid = {};  ///< of its creator (Linux 5.3)
  /// What it is connected to; zero: a listening socket that has not accepted it yet.
  std::optional<std::uint64_t> peer = {};
  /// Of a listening socket: those that wait to be accepted, and the most that may. Of another one:
  /// bytes to be read, and sent bytes that its peer has not read.
  std::uint32_t receive_queue = 0;
  std::uint32_t send_queue = 0;
  /// Of a listening socket: the clients that wait, by their inode; zero: it has closed already.
  std::vector<std::uint64_t> waiting = {};
  /// The most bytes that `send_queue` reaches before a send waits (SO_SNDBUF); only of
  /// all_unix_sockets().
  std::optional<std::uint32_t> send_limit = {};
  /// As shutdown(2) left it: 1: nothing more to read, 2: nothing more to send, 3: both.
  unsigned shut_down = 0;
};

/// All Unix sockets of this network namespace, except connected ones of streams and
/// seqpackets, of which a machine has thousands.
/// @errors as inode_of(), except for ENOENT of a socket without a file
Expected<std::vector<UnixSocket>> unconnected_sockets();

/// All Unix sockets of this network namespace, connected ones included.
/// @errors as above
Expected<std::vector<UnixSocket>> all_unix_sockets();

/// @errors ENOENT: there is none with that inode in this network namespace; else as above
Expected<UnixSocket> unix_socket(std::uint64_t inode);

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
