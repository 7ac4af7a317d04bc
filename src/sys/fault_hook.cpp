// SPDX-License-Identifier: Apache-2.0
#include "sys/fault_hook.hpp"

namespace hallway::sys {

// NOLINTNEXTLINE(cppcoreguidelines-avoid-non-const-global-variables): see fault_hook.hpp
std::atomic<FaultHook> fault_hook = nullptr;

}  // namespace hallway::sys
