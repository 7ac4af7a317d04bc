// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "python.hpp"

namespace hallway::python {

/// Adds the types Hub, a hallway::hub::Client on a guest loop, Subscription and HubMessage. Returns
/// whether it could; if not, an exception is set.
bool add_hub(PyObject* module);

}  // namespace hallway::python
