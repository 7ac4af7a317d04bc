// SPDX-License-Identifier: Apache-2.0
//
// Sockets somebody else made for us: a descriptor by number, or socket activation's LISTEN_FDS
// (man 3 sd_listen_fds).
#pragma once

#include <hallway/address.hpp>
#include <hallway/descriptor.hpp>
#include <hallway/error.hpp>

namespace hallway::net {

/// Whether `address` names such a socket.
bool is_inherited(const Address& address) noexcept;

/// Adopts it: checked to be an open Unix socket, now close-on-exec.
/// @errors bad_file_descriptor, not_a_socket, address_family_not_supported;
///         no_such_file_or_directory: nothing was handed over under that name
Result<Descriptor> adopt_inherited(const Address& address);

}  // namespace hallway::net
