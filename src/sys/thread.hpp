// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <thread>

#include "sys/expected.hpp"

namespace hallway::sys {

/// Runs `body` on a thread that no signal is delivered to. An exception that leaves it ends the
/// process.
/// @errors EAGAIN: no more threads are to be had
Expected<std::thread> start_thread(std::move_only_function<void()> body);

}  // namespace hallway::sys
