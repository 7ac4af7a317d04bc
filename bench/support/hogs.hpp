// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>

#include "sides.hpp"

namespace bench {

/// Starts so many sides called "hog", each bound to a core and burning it, until terminated.
void start_hogs(Sides& sides, std::size_t count);

/// Starts so many sides called "disturber", each on whichever core the scheduler picks and awake
/// for one millisecond in every ten, until terminated.
void start_disturbers(Sides& sides, std::size_t count);

}  // namespace bench
