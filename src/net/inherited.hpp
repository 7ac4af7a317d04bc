// SPDX-License-Identifier: Apache-2.0
//
// Sockets made by another process: a descriptor by number, or socket activation's LISTEN_FDS (man 3
// sd_listen_fds).
//
// A socket has one owner. A descriptor that came through exec(2) is not close-on-exec, and adopting
// it sets FD_CLOEXEC. A descriptor with FD_CLOEXEC was therefore adopted before, or made by this
// process, and has an owner already. The kernel holds this flag, so there is no list that could be
// out of date.
#pragma once

#include <hallway/address.hpp>
#include <hallway/descriptor.hpp>
#include <hallway/error.hpp>
#include <hallway/socket.hpp>

#include "sys/expected.hpp"

namespace hallway::net {

/// What the socket is used for.
enum class Purpose : std::uint8_t {
  accepting,   ///< a listening socket
  conversing,  ///< a socket that does not listen; a datagram socket never does
};

/// Whether `address` names an inherited socket.
bool is_inherited(const Address& address) noexcept;

/// Adopts an inherited socket and sets FD_CLOEXEC on it. If several were handed over under the
/// name, takes the first one of that family that has no owner yet. A socket that is refused stays
/// open and unchanged.
/// @errors bad_file_descriptor, not_a_socket, address_family_not_supported;
///         wrong_protocol_type: it is not of `type`; invalid_argument: it does not fit its purpose,
///         or the names do not match the sockets; device_or_resource_busy: it has an owner;
///         no_such_file_or_directory: no socket was handed over under that name
/// Thread: any.
Result<Descriptor> adopt_inherited(const Address& address, SocketType type, Purpose purpose);

/// The same for a listening TCP socket.
Result<Descriptor> adopt_inherited_tcp(const Address& address);

/// The state that all processes with the same socket share and that Hallway changes while it
/// serves: O_NONBLOCK, SO_PASSCRED and SO_PASSRIGHTS. The process that handed the socket to us
/// continues with it after we end, and must find it unchanged.
///
/// Two processes that serve the same socket at once see each other's changes: the first to end
/// restores what both had changed (see Listener::accept). A process that is killed restores
/// nothing.
class SharedState {
 public:
  /// Records the current state.
  explicit SharedState(int socket);
  void put_back(int socket) const noexcept;

 private:
  sys::Expected<bool> nonblocking_;
  sys::Expected<bool> credentials_;
  sys::Expected<bool> rights_;  // an error where the kernel has no such option
};

/// Only the check that adopt_inherited() makes, for a descriptor from another source.
Result<void> check_socket(int descriptor, const Address& address, SocketType type, Purpose purpose);

}  // namespace hallway::net
