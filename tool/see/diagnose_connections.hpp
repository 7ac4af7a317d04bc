// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>

#include <hallway/address.hpp>

namespace hallway::tool {

/// hallway diagnose --pid PID: prints what is wrong with the Unix sockets of a process, all of them
/// or those that lead to an address.
/// @return the exit status
int diagnose_connections(std::int32_t pid, const std::optional<Address>& to, bool json);

}  // namespace hallway::tool
