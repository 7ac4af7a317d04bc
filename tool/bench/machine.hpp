// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace hallway::tool {

/// What a figure depends on besides the program: name and value, as they are shown. What the
/// system does not tell is left out.
std::vector<std::pair<std::string, std::string>> machine_facts();

}  // namespace hallway::tool
