// SPDX-License-Identifier: Apache-2.0
//
// --ready-fd: a newline reports to the process that started this one that it is ready.
#pragma once

#include <hallway/error.hpp>

namespace hallway::tool {

/// Writes a newline to the descriptor, and closes it unless it is a standard one. Never blocks.
/// @errors broken_pipe: its reader is gone; resource_unavailable_try_again: the pipe is full
Result<void> report_ready(int descriptor);

}  // namespace hallway::tool
