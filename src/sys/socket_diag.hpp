// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "sys/expected.hpp"
#include "sys/file.hpp"

namespace hallway::sys {

/// Whether a socket that is bound to this very socket file lives, listening or not; asked of the
/// kernel (sock_diag(7)), so that it matters neither how the binder spelled the path nor what
/// others call theirs. Accepted connections, which show their listener's file, do not count, nor
/// do sockets of another network namespace.
/// @errors ENOENT, EPROTONOSUPPORT: this kernel lacks unix_diag
Expected<bool> is_bound(const FileIdentity& file);

/// For where netlink is forbidden, as in a service with RestrictAddressFamilies=AF_UNIX: whether a
/// socket that is bound to this path lives and does not listen yet. Read from /proc/net/unix, where
/// paths stand as they were given to bind(2): a relative one is only recognised from the binder's
/// own directory, and one that has lost its name since is taken for its successor.
bool is_starting(const FileIdentity& file);

}  // namespace hallway::sys
