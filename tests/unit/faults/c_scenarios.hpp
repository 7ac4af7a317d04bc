// SPDX-License-Identifier: Apache-2.0
//
// The same as scenarios.hpp through the C interface.
#pragma once

#include <span>

#include "unit/faults/scenarios.hpp"

namespace hallway::test {

std::span<const Scenario> c_scenarios();

}  // namespace hallway::test
