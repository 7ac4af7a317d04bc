// SPDX-License-Identifier: Apache-2.0
//
// Looks at a socket of another process, through a copy of its descriptor.
#pragma once

#include <cstdint>

#include <hallway/descriptor.hpp>

#include "sys/expected.hpp"

namespace hallway::sys {

/// A copy of a descriptor of another process: both refer to the same open file description.
/// @errors EPERM: this process may not trace that one (ptrace(2)); EBADF: it has no such
///         descriptor; ESRCH: it has ended; ENOSYS: before Linux 5.6
Expected<Descriptor> copy_descriptor(int pidfd, int number);

/// Whether a send would not have to wait, as poll(2) reports it; for a connected datagram socket
/// also whether the queue of the far end has room.
Expected<bool> has_room_to_send(int socket);

/// Whether descriptors can be sent to this socket (SO_PASSRIGHTS).
/// @errors ENOPROTOOPT: before Linux 6.16
Expected<bool> takes_descriptors(int socket);

}  // namespace hallway::sys
