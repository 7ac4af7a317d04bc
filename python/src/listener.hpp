// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "python.hpp"

namespace hallway::python {

/// Adds the type Listener to the module: hallway::Listener for what serves a socket by other means,
/// such as asyncio. Returns whether it could; if not, an exception is set.
bool add_listener(PyObject* module);

}  // namespace hallway::python
