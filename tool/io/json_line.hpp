// SPDX-License-Identifier: Apache-2.0
//
// What every --json prints: an object on a line, in ASCII. JSON escapes what is in it, and nothing
// else does before.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

namespace hallway::tool {

/// An object as a line. JSON carries text alone: a member NAME with bytes that are not UTF-8, or a
/// list with such bytes in it, becomes NAME_base64.
std::string json_line(const nlohmann::ordered_json& object);

}  // namespace hallway::tool
