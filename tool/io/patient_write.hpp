// SPDX-License-Identifier: Apache-2.0
//
// Writes to and reads from a standard stream. Another process may have made it non-blocking, a
// write may be partial, and the stream may accept nothing for hours.
#pragma once

#include <sys/types.h>
#include <functional>
#include <string_view>

#include <cstddef>

#include <hallway/limits.hpp>

namespace hallway::tool {

/// write(2) that waits for space if the descriptor is non-blocking, and continues after a signal.
/// @return the bytes written, possibly fewer than given; -1 with errno set
ssize_t patient_write(int descriptor, std::string_view bytes);

/// Whether a write(2) would take something now. Never blocks.
bool takes_writes(int descriptor);

/// read(2) in the same way as patient_write().
ssize_t patient_read(int descriptor, char* buffer, std::size_t size);

enum class Awaited {
  readable,     ///< or at its end, which read(2) reports
  reader_gone,  ///< `output` has no reader left
  timed_out,
};

/// Waits until `descriptor` is readable or `output` has no reader left.
Awaited wait_readable(int descriptor, int output, Duration within);

/// Runs `body` in a detached thread, because its writes may block for ever. All signals are blocked
/// in it, except SIGTTOU: a job in the background stops when it writes to its terminal, if the
/// terminal is set so (`stty tostop`).
/// Throws std::system_error if no thread can be started.
void start_writing_thread(std::function<void()> body);

}  // namespace hallway::tool
