// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <initializer_list>
#include <thread>

namespace hallway::tool {

/// Starts a thread in which no signal is delivered except for those in `delivered`: the handlers of
/// a loop belong to the loop's thread. Throws std::system_error if there is no thread to be had.
std::thread thread_with_signals_blocked(std::function<void()> body,
                                        std::initializer_list<int> delivered = {});

}  // namespace hallway::tool
