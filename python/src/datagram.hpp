// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "python.hpp"

namespace hallway::python {

/// Adds the type DatagramSocket, a hallway::DatagramSocket on a guest loop. Returns whether it
/// could; if not, an exception is set.
bool add_datagram(PyObject* module);

}  // namespace hallway::python
