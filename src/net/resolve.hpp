// SPDX-License-Identifier: Apache-2.0
//
// Turns an Address into what connect(2) and sendmsg(2) take, for paths of any length.
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

/// An address the kernel accepts, and the descriptor that must stay open while it is in use.
struct ResolvedAddress {
  sys::SocketAddress address;
  Descriptor name;  ///< a long path is reached through the descriptor of its inode
};

/// @param owner  the path must lead to a socket file of this user. The file that was checked is the
///               one that is reached, even if the name is given to another file meanwhile
/// @errors errno: that of finding a long path; EINVAL for an address that names no socket; EPERM
///         for a socket of another owner, or one that has none
sys::Expected<ResolvedAddress> resolve(const Address& address,
                                       std::optional<std::uint32_t> owner = std::nullopt);

/// Tries to connect once. The socket is non-blocking.
/// @return nullopt if the server's backlog is full; the kernel gives no event for that: try again
///         later
Result<std::optional<Descriptor>> try_connect(const Address& address, SocketType type);

/// Whether a live socket of any type is bound to the path, listening or not, in any network
/// namespace. False for the file that a dead server left. The server does not notice the check.
/// @errors as try_connect()
Result<bool> is_held(const Address& address);

/// A description for people, such as "a regular file".
const char* words(sys::FileKind kind);

/// Whether a name was not found because it is relative and the working directory was removed.
bool is_below_removed_directory(const Address& address);
inline constexpr const char* directory_removed = "the working directory was removed";
inline constexpr const char* leave_directory = "change to another one, or give an absolute path";

/// An error of connecting or sending to `address`, with its usual meaning. Where errno has several
/// meanings, the file itself is examined to find out which applies.
std::unexpected<Error> connect_error(int error, const char* operation, const Address& address);

/// The Address for one received from the kernel.
Address from_sys(const sys::SocketAddress& address);

/// Splits a path into its directory and last component: "a" gives "." and "a".
std::pair<std::string, std::string> split_path(const std::string& path);

}  // namespace hallway::net
