// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace hallway::tool {

/// The facts about the machine that the figures depend on: names and values for display. Facts that
/// the system does not report are left out.
std::vector<std::pair<std::string, std::string>> machine_facts();

}  // namespace hallway::tool
