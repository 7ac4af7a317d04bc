// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <hallway/loop.hpp>
#include <hallway/task.hpp>

#include "bench/bench_measurement.hpp"

namespace hallway::tool {

/// Draws the progress of a run as one line on stderr until it is cancelled, which erases the line.
/// Arguments are borrowed. Precondition: stderr is a terminal.
Task<> show_progress(Loop& loop, const Load& load, const Measurement& measured);

}  // namespace hallway::tool
