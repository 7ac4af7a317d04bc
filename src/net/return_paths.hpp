// SPDX-License-Identifier: Apache-2.0
//
// Where an answer to a datagram may go. The name a datagram bears is a string that its sender chose
// when it bound its socket: it may lead to somebody else's socket from here, which the sender may
// not write to, or which is in another network namespace. An answer is sent with our rights, so it
// goes only to a socket that is provably of the sender's uid:
//
//   a path       is looked up as the sender does, from its root or working directory
//                (/proc/PID/root, /proc/PID/cwd), where the kernel lets us; else from our root, and
//                a relative one not at all. What is found must be a socket file of the sender's
//                uid, no symbolic link, and that very file is sent to, whatever becomes of the
//                name.
//   an abstract  must be of a datagram socket of the sender's uid in our network namespace, as the
//   name         kernel says (sock_diag(7)). Where netlink is forbidden it cannot be asked, and the
//                answer is sent all the same: an abstract name has no permissions to get around.
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
  /// Where to send what is for `sender`, who gave that address. What was found once is remembered:
  /// files until forget(), abstract names for names_last.
  /// @errors EPERM: it is not provably the sender's; EDESTADDRREQ: it is unnamed; those of finding
  /// it
  Result<sys::SocketAddress> find(const Address& address, const Peer& sender);

  /// Nobody is there any more: a socket may have been bound anew by that name.
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

  std::list<Known> known_;  // the latest one used first
  std::map<std::string, std::uint32_t> names_;
  Loop::Clock::time_point names_read_;
};

}  // namespace hallway::net
