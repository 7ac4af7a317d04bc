// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "python.hpp"

namespace hallway::python {

/// Adds the type Child, a hallway::Child on a guest loop. Returns whether it could; if not, an
/// exception is set.
bool add_child(PyObject* module);

}  // namespace hallway::python
