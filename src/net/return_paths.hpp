// SPDX-License-Identifier: Apache-2.0
//
// Where an answer to a datagram may go. The sender chose the name a datagram carries when it bound
// its socket. Resolved here, that name may lead to another user's socket, which the sender may not
// write to, or which is in another network namespace. An answer is sent with our rights, so it goes
// only to a socket that is provably of the sender's uid:
//
//   a path       is looked up as the sender does, from its root or working directory
//                (/proc/PID/root, /proc/PID/cwd), where the kernel permits it. Otherwise it is
//                looked up from our root, and a relative path is refused. The result must be a
//                socket file of the sender's uid, not a symbolic link, and the answer goes to that
//                very file, even if the name changes.
//   an abstract  must belong to a datagram socket of the sender's uid in our network namespace,
//   name         according to the kernel (sock_diag(7)). Where netlink is forbidden this cannot be
//                checked, and the answer is sent unchecked: an abstract name has no permissions
//                that this could circumvent.
#pragma once

#include <cstdint>
#include <list>
#include <map>
#include <optional>
#include <string>

#include <hallway/address.hpp>
#include <hallway/descriptor.hpp>
#include <hallway/error.hpp>
#include <hallway/loop.hpp>
#include <hallway/peer.hpp>

#include "sys/socket.hpp"

namespace hallway::net {

class ReturnPaths {
 public:
  /// Finds where to send an answer to `sender`, which gave `address`. A result is remembered: files
  /// until forget(), abstract names for names_last.
  /// @errors EPERM: not provably the sender's; EDESTADDRREQ: unnamed; those of resolving it
  Result<sys::SocketAddress> find(const Address& address, const Peer& sender);

  /// The address refused: a new socket may have been bound to that name.
  void forget(const Address& address);

 private:
  struct Known {
    Address address;
    Peer sender;
    Descriptor file;
    sys::SocketAddress there;  // leads to that file
  };

  Result<sys::SocketAddress> find_path(const Address& address, const Peer& sender);
  Result<sys::SocketAddress> find_abstract(const Address& address, const Peer& sender);
  [[nodiscard]] std::optional<std::uint32_t> holder_of(const Address& address) const;

  std::list<Known> known_;  // the most recently used first
  std::map<std::string, std::uint32_t> names_;
  Loop::Clock::time_point names_read_;
};

}  // namespace hallway::net
