// SPDX-License-Identifier: Apache-2.0
//
// Enters the sandbox of a verb that listens, and logs the result.
#pragma once

#include "io/events.hpp"
#include "io/output.hpp"
#include "server/sandbox.hpp"

namespace hallway::tool {

/// Enters the sandbox, unless `needs` disable it, and logs with -v what is in effect. An error that
/// keeps a part from taking effect is always logged, and the server continues.
/// @param output  the verb's output if it has one, because a thread writes it
Sandbox enter_sandbox(Events& events, const SandboxNeeds& needs, Output* output = nullptr);

}  // namespace hallway::tool
