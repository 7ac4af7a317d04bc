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

}  // namespace hallway::sys
