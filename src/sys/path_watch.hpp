// SPDX-License-Identifier: Apache-2.0
//
// Notice of changes to what a path leads through (inotify(7)), and of mounts
// (proc_pid_mountinfo(5)).
#pragma once

#include <cstdint>
#include <string>

#include <hallway/descriptor.hpp>

#include "sys/expected.hpp"

namespace hallway::sys {

/// Watches each directory and symbolic link that leads from `origin`, or from the root, to the
/// file, and the file: readable once one of them was removed, renamed or replaced. What happens to
/// others in those directories is not seen, nor that something is mounted over one of them.
/// @errors EACCES: a directory on the way may not be read; ENOSPC, EMFILE: the kernel has no watch
///         left for this user; those of a path that leads nowhere
Expected<Descriptor> watch_path(int origin, const std::string& path);

/// Has event_priority once something was mounted or unmounted in our mount namespace: after epoll
/// has told it, not again for that.
Expected<Descriptor> watch_mounts();

}  // namespace hallway::sys
