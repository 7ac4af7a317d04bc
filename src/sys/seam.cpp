// SPDX-License-Identifier: Apache-2.0
#include "sys/seam.hpp"

namespace hallway::sys {

// NOLINTNEXTLINE(cppcoreguidelines-avoid-non-const-global-variables): see seam.hpp
std::atomic<Seam> seam = nullptr;

}  // namespace hallway::sys
