// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <hallway/loop.hpp>

#include "bench/bench_measurement.hpp"
#include "io/scoped_task.hpp"

namespace hallway::tool {

/// Draws how far a run has come in one line of the terminal on stderr, until it is destroyed; the
/// line then goes away. All are borrowed. Precondition: stderr is a terminal.
ScopedTask show_progress(Loop& loop, const Load& load, const Measurement& measured);

}  // namespace hallway::tool
