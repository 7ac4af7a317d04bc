// SPDX-License-Identifier: Apache-2.0
//
// The cores this process runs on.
#pragma once

namespace hallway::sys {

/// How many cores this process and its peers may keep busy at once, at least 1: what is online and
/// no more than the cgroups it is in allow (cpu.max of cgroup v2, rounded down). Looked up once.
unsigned usable_cores() noexcept;

/// Lets whoever waits for this core run first (sched_yield(2)).
void yield_core() noexcept;

}  // namespace hallway::sys
