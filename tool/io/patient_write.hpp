// SPDX-License-Identifier: Apache-2.0
//
// Writing to and reading from a standard stream, as it is: another process may have made it
// non-blocking, it may take less than it is given, and it may take nothing for hours.
#pragma once

#include <sys/types.h>
#include <functional>
#include <string_view>

#include <cstddef>

#include <hallway/limits.hpp>

namespace hallway::tool {

/// write(2), which waits for room where the descriptor does not block, and goes on after a signal.
/// @return the bytes written, which may be fewer; -1: errno says why
ssize_t patient_write(int descriptor, std::string_view bytes);

/// read(2) in the same way.
ssize_t patient_read(int descriptor, char* buffer, std::size_t size);

enum class Awaited {
  readable,     ///< or at its end, which reading tells
  reader_gone,  ///< nobody will read what is written to `output`
  timed_out,
};

/// Waits until `descriptor` can be read, and no longer than `output` has a reader.
Awaited wait_readable(int descriptor, int output, Duration within);

/// Runs `body` in a thread of its own that nobody waits for: what it writes to may never take it.
/// The thread has no part in the signals of the process, except for SIGTTOU: a job in the
/// background stops where it writes to its terminal, if the terminal is set so (`stty tostop`).
/// Throws std::system_error where no thread is to be had.
void start_writing_thread(std::function<void()> body);

}  // namespace hallway::tool
