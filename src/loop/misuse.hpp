// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <source_location>

namespace hallway::detail {

/// Prints what the program did wrong and where, and ends the process (std::abort). For what would
/// otherwise use memory that is gone.
/// @param where  of the call; an empty one is left out
[[noreturn]] void end_for_misuse(std::source_location where, const char* what) noexcept;

}  // namespace hallway::detail
