// SPDX-License-Identifier: Apache-2.0
//
// What the kernel can really answer to each call of the seam, as this library makes it.
#pragma once

#include <string>
#include <vector>

#include "sys/fault_hook.hpp"

namespace hallway::test {

/// The name of a call; null when there is no such call. From 0 on without a gap.
const char* name_of(sys::Call call) noexcept;

/// Every errno it can fail with, EINTR at the end.
std::vector<int> errnos_of(sys::Call call);

/// All calls there are.
std::vector<sys::Call> all_calls();

/// "ENOBUFS"
std::string errno_name(int error);

}  // namespace hallway::test
