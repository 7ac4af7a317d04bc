// SPDX-License-Identifier: Apache-2.0
//
// From an Address to what connect(2) and sendmsg(2) take, paths of any length included.
#pragma once

#include <optional>
#include <string>

#include <hallway/address.hpp>
#include <hallway/descriptor.hpp>
#include <hallway/error.hpp>
#include <hallway/peer.hpp>
#include <hallway/socket.hpp>

#include "sys/file.hpp"
#include "sys/socket.hpp"

namespace hallway::net {

/// An address the kernel can be given, and what has to stay open while it is.
struct ResolvedAddress {
  sys::SocketAddress address;
  Descriptor name;  ///< a long path is reached through the descriptor of its inode
};

/// @param owner  the path has to lead to a socket file of this user; what was checked is what is
///               reached, even if the name is given to another file meanwhile
/// @errors errno: that of finding a long path; EINVAL for an address that names no socket; EPERM
///         for one that is not the owner's, or has none
sys::Expected<ResolvedAddress> resolve(const Address& address,
                                       std::optional<std::uint32_t> owner = std::nullopt);

/// One try to connect. Nothing: the server's backlog is full, which the kernel gives no event
/// for; try again later. The socket is non-blocking.
Result<std::optional<Descriptor>> try_connect(const Address& address, SocketType type);

/// Whether a live socket of any type is bound to the path, listening or not, in whatever network
/// namespace: false for what a dead server left. No server sees that it was asked.
/// @errors as try_connect()
Result<bool> is_held(const Address& address);

/// "a regular file", for people.
const char* words(sys::FileKind kind);

/// Whether a name that is not there is a relative one, and the working directory is gone.
bool is_below_removed_directory(const Address& address);
inline constexpr const char* directory_removed = "the working directory was removed";
inline constexpr const char* leave_directory = "change to another one, or give an absolute path";

/// An error of connecting or sending to `address`, with what it usually means; where the kernel's
/// number has several meanings, a look at the file says which.
std::unexpected<Error> connect_error(int error, const char* operation, const Address& address);

/// The address as received from the kernel.
Address from_sys(const sys::SocketAddress& address);

/// Splits a path into its directory and last component: "a" gives "." and "a".
std::pair<std::string, std::string> split_path(const std::string& path);

}  // namespace hallway::net
