// SPDX-License-Identifier: Apache-2.0
//
// The system calls that a server still makes once it listens (seccomp(2), by libseccomp).
#pragma once

#include <cstddef>

#include <hallway/error.hpp>

namespace hallway::tool {

/// From here on every other system call fails with EPERM, in all threads of this process, for good:
/// it starts no program and no process, opens no socket but Unix and netlink ones, signals no other
/// process and maps no memory that can be written and executed. What is open stays usable.
/// @return how many calls are left; 0: this program was built without libseccomp
Result<std::size_t> limit_system_calls();

}  // namespace hallway::tool
