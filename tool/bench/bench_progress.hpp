// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <hallway/loop.hpp>

#include "bench/bench_measurement.hpp"
#include "io/scoped_task.hpp"

namespace hallway::tool {

/// Draws the progress of a run as one line on stderr until it is destroyed, which erases the line.
/// Arguments are borrowed. Precondition: stderr is a terminal.
ScopedTask show_progress(Loop& loop, const Load& load, const Measurement& measured);

}  // namespace hallway::tool
