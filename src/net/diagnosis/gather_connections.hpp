// SPDX-License-Identifier: Apache-2.0
//
// Looks at the Unix sockets that a process has open. Only reads: it connects to nothing and sends
// nothing. What cannot be looked at is named in ConnectionEvidence::unseen.
#pragma once

#include <cstdint>
#include <optional>

#include <hallway/address.hpp>
#include <hallway/error.hpp>

#include "net/diagnosis/connection_evidence.hpp"

namespace hallway::net {

/// Blocking, as diagnose_connections().
/// @errors as diagnose_connections()
Result<ConnectionEvidence> gather_connections(std::int32_t pid, const std::optional<Address>& to);

}  // namespace hallway::net
