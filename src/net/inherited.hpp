// SPDX-License-Identifier: Apache-2.0
//
// Sockets somebody else made for us: a descriptor by number, or socket activation's LISTEN_FDS
// (man 3 sd_listen_fds).
//
// A socket has one owner. What came through exec(2) is not close-on-exec, and taking it over makes
// it so: a descriptor that is close-on-exec was taken over before, or made by this process, and is
// somebody's already. That is asked of the kernel, so there is no list that could be out of date.
#pragma once

#include <hallway/address.hpp>
#include <hallway/descriptor.hpp>
#include <hallway/error.hpp>
#include <hallway/socket.hpp>

#include "sys/expected.hpp"

namespace hallway::net {

/// What the socket is to be used for.
enum class Purpose : std::uint8_t {
  accepting,   ///< it listens
  conversing,  ///< it does not; a datagram socket never does
};

/// Whether `address` names such a socket.
bool is_inherited(const Address& address) noexcept;

/// Adopts it; it is close-on-exec from here on. Of several that were handed over, the first of the
/// name that nobody took over yet. Whatever is refused stays open, as it was.
/// @errors bad_file_descriptor, not_a_socket, address_family_not_supported;
///         wrong_protocol_type: it is not of `type`; invalid_argument: it does not fit its purpose,
///         or the names do not fit the sockets; device_or_resource_busy: it has an owner;
///         no_such_file_or_directory: nothing was handed over under that name
/// Thread: any.
Result<Descriptor> adopt_inherited(const Address& address, SocketType type, Purpose purpose);

/// What every process that has a socket shares of it and Hallway changes while it serves:
/// O_NONBLOCK, SO_PASSCRED and SO_PASSRIGHTS. Whoever handed the socket to us goes on with it when
/// we have ended, and is to find it as it was.
///
/// Two who serve the same socket at once see each other's changes: the first to end puts back what
/// both had changed (see Listener::accept). One that is killed puts nothing back.
class SharedState {
 public:
  /// Remembers how it is.
  explicit SharedState(int socket);
  void put_back(int socket) const noexcept;

 private:
  sys::Expected<bool> nonblocking_;
  sys::Expected<bool> credentials_;
  sys::Expected<bool> rights_;  // an error where the kernel has no such option
};

/// The check among it alone, of a descriptor that came by another way.
Result<void> check_socket(int descriptor, const Address& address, SocketType type, Purpose purpose);

}  // namespace hallway::net
