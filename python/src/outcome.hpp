// SPDX-License-Identifier: Apache-2.0
//
// How outcomes that are no message reach Python, and the exceptions of this package:
//
//   end_of_stream   None from a receive, the end of an iteration
//   timed_out       TimeoutError
//   peer_gone       ConnectionResetError
//   closed          hallway.Closed, a ConnectionError
//   truncated       hallway.Truncated, an OSError with .data and .size
//   no_responders   hallway.NoResponders, an OSError
//   failed          OSError, by errno
//
// Hold the GIL.
#pragma once

#include "python.hpp"

#include <hallway/bytes.hpp>
#include <hallway/error.hpp>

namespace hallway::python {

/// Adds the exceptions to the module. Returns whether it could; if not, an exception is set.
bool add_exceptions(PyObject* module);

/// Raises what `outcome` means. Precondition: it is neither ok nor would_block.
PyObject* raise(Outcome outcome, const Error& error) noexcept;

/// Raises hallway.Closed: `what` is "this connection", ...
PyObject* raise_closed(const char* what) noexcept;

/// Raises hallway.Truncated: `data` is what there is of a message of `size` bytes.
PyObject* raise_truncated(ByteView data, std::size_t size, const char* sentence) noexcept;

}  // namespace hallway::python
