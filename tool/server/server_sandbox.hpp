// SPDX-License-Identifier: Apache-2.0
//
// The sandbox of a verb that listens, and what is said about it.
#pragma once

#include "io/events.hpp"
#include "io/output.hpp"
#include "server/sandbox.hpp"

namespace hallway::tool {

/// Enters the sandbox, unless `needs` say why not, and says what holds; an error that keeps some of
/// it from holding is said whether -v is there or not, and the server goes on.
/// @param output  of the verb, if it has one: a thread writes it
Sandbox enter_sandbox(Events& events, const SandboxNeeds& needs, Output* output = nullptr);

}  // namespace hallway::tool
