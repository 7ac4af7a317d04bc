// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <thread>

#include "sys/expected.hpp"

namespace hallway::sys {

/// Runs `body` on a thread with all signals blocked. An exception that leaves it ends the process.
/// @errors EAGAIN: no thread can be started
Expected<std::thread> start_thread(std::move_only_function<void()> body);

}  // namespace hallway::sys
