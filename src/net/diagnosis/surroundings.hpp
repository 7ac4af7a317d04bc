// SPDX-License-Identifier: Apache-2.0
//
// What is around the address: its directory, names like it, and what holds for the whole machine.
#pragma once

#include "net/diagnosis/look.hpp"

namespace hallway::net {

/// Fills in Evidence::place.
void look_at_bind_place(Look& look);

/// Fills in Evidence::similar.
void look_for_similar_names(Look& look);

/// Fills in what holds for the machine, for the user namespace and for /run/user.
void look_at_machine(Look& look);

/// Fills in the security modules, and the labels.
void look_at_security_modules(Look& look);

}  // namespace hallway::net
