// SPDX-License-Identifier: Apache-2.0
//
// The cores this process runs on.
#pragma once

namespace hallway::sys {

/// How many cores this process and its peers may keep busy at once, at least 1: the cores that are
/// online, but no more than the cgroups of this process allow (cpu.max of cgroup v2, rounded down).
/// Looked up once.
unsigned usable_cores() noexcept;

/// Lets another thread that waits for this core run first (sched_yield(2)).
void yield_core() noexcept;

}  // namespace hallway::sys
