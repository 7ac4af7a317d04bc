// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "python.hpp"

namespace hallway::python {

/// Adds the types Server, a hallway::Server on a guest loop, and AcceptedSocket. Returns whether it
/// could; if not, an exception is set.
bool add_server(PyObject* module);

}  // namespace hallway::python
