// SPDX-License-Identifier: Apache-2.0
//
// Notification of changes to the components of a path (inotify(7)), and of mounts
// (proc_pid_mountinfo(5)).
#pragma once

#include <cstdint>
#include <string>

#include <hallway/descriptor.hpp>

#include "sys/expected.hpp"

namespace hallway::sys {

/// Watches each directory and symbolic link that leads from `origin`, or from the root, to the
/// file, and the file itself. The descriptor becomes readable once one of them was removed, renamed
/// or replaced. Changes to other files in those directories are not reported, nor is a mount over
/// one of them.
/// @errors EACCES: a directory on the way may not be read; ENOSPC, EMFILE: the kernel has no watch
///         left for this user; also the errors of a path that does not resolve
Expected<Descriptor> watch_path(int origin, const std::string& path);

/// The descriptor has event_priority once something was mounted or unmounted in our mount
/// namespace. epoll reports each change once.
Expected<Descriptor> watch_mounts();

}  // namespace hallway::sys
