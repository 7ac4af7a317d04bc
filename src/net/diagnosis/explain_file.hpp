// SPDX-License-Identifier: Apache-2.0
//
// The path leads to something, and no live socket is behind it.
#pragma once

#include <hallway/diagnosis.hpp>

#include "net/diagnosis/evidence.hpp"

namespace hallway::net {

/// A socket file without a socket.
Finding explain_dead_file(const Evidence& evidence, const PathStep& file);

/// Nothing listens at the name, and connected sockets have it (Evidence::connected).
Finding explain_connected_sockets(const Evidence& evidence);

/// A file of another kind.
Finding explain_other_file(const Evidence& evidence, const PathStep& file);

/// The file is left of a server that has ended.
Finding stale_file(const Evidence& evidence);

/// Whether a file system is usually shared with another machine: "nfs4", "fuse.sshfs".
bool is_shared_file_system(const Mount& mount);

}  // namespace hallway::net
