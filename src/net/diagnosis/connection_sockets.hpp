// SPDX-License-Identifier: Apache-2.0
//
// The kernel's list of all Unix sockets of this network namespace, as evidence.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include <hallway/address.hpp>

#include "net/diagnosis/connection_evidence.hpp"
#include "sys/socket_diag.hpp"

namespace hallway::net {

/// By inode.
using Sockets = std::map<std::uint64_t, sys::UnixSocket>;

/// @errors as sys::all_unix_sockets()
sys::Expected<Sockets> list_sockets();

/// As SocketEntry::name.
std::string shown_name(const sys::UnixSocket& socket);

/// Without its holders.
End to_end(const sys::UnixSocket& socket);

/// The address that was asked for, as the kernel's list shows it.
class Place {
 public:
  explicit Place(const Address& address);

  [[nodiscard]] bool is_at(const sys::UnixSocket& socket) const;

 private:
  bool path_;
  std::string name_;
  std::optional<sys::BoundFile> file_;
};

}  // namespace hallway::net
