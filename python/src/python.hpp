// SPDX-License-Identifier: Apache-2.0
//
// Python's C API, limited to what every version from 3.11 on has: one file of machine code serves
// them all. Included before every other header, as Python asks.
#pragma once

#ifndef Py_LIMITED_API
#define Py_LIMITED_API 0x030B0000
#endif
#ifndef PY_SSIZE_T_CLEAN
#define PY_SSIZE_T_CLEAN
#endif
#include <Python.h>

namespace hallway::python {

/// Whether the exception that is set is of `type`.
inline bool is_raised(PyObject* type) noexcept { return PyErr_ExceptionMatches(type) != 0; }

}  // namespace hallway::python
