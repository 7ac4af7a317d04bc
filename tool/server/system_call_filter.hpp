// SPDX-License-Identifier: Apache-2.0
//
// Limits the system calls of a server once it listens (seccomp(2), by libseccomp).
#pragma once

#include <cstddef>

#include <hallway/error.hpp>

namespace hallway::tool {

/// From here on every other system call fails with EPERM, in all threads of this process,
/// permanently: it starts no program and no process, opens only Unix and netlink sockets, signals
/// no other process and maps no memory that is both writable and executable. Open descriptors stay
/// usable.
/// @return how many calls are allowed; 0: this program was built without libseccomp
Result<std::size_t> limit_system_calls();

}  // namespace hallway::tool
