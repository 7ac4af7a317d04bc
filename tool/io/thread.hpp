// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <initializer_list>
#include <thread>

namespace hallway::tool {

/// Starts a thread in which all signals are blocked except those in `delivered`, because the signal
/// handlers of a loop belong to the loop's thread. Throws std::system_error if no thread can be
/// started.
std::thread thread_with_signals_blocked(std::function<void()> body,
                                        std::initializer_list<int> delivered = {});

}  // namespace hallway::tool
