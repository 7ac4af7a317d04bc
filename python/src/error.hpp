// SPDX-License-Identifier: Apache-2.0
//
// How errors of the library reach Python. Each function here sets Python's error indicator and
// returns nullptr, so that `return raise(error);` ends a function of the C API. Hold the GIL.
#pragma once

#include "python.hpp"

#include <exception>
#include <new>
#include <utility>

#include <hallway/error.hpp>

namespace hallway::python {

/// Raises an OSError with the errno of `error.code`. Python picks the subclass by it:
/// FileNotFoundError, PermissionError, TimeoutError and so on. `strerror` is the sentence of
/// Error::explain(); the attributes `operation`, `subject` and `hint` are text, in which a byte
/// that is not UTF-8 stands as os.fsdecode() writes it. A hint is also a note (PEP 678), which a
/// traceback shows.
/// @param type  OSError or a subclass of it, which is raised instead of the one for the errno
PyObject* raise(const Error& error, PyObject* type = PyExc_OSError) noexcept;

/// Raises what the C++ exception that is being handled means: MemoryError for std::bad_alloc,
/// RuntimeError for any other. Called in a catch block only.
PyObject* raise_current_exception() noexcept;

/// Calls `body`, which returns a new reference or nullptr. No C++ exception passes into Python.
template <typename Body>
PyObject* guarded(Body&& body) noexcept {
  try {
    return std::forward<Body>(body)();
  } catch (...) {
    return raise_current_exception();
  }
}

}  // namespace hallway::python
