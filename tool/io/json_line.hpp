// SPDX-License-Identifier: Apache-2.0
//
// The output format of every --json: one object per line, in ASCII. The only escaping is that of
// JSON.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

namespace hallway::tool {

/// An object as a line with its newline. JSON strings are UTF-8: a member NAME that is not, or a
/// list that contains such bytes, becomes NAME_base64.
std::string json_line(const nlohmann::ordered_json& object);

}  // namespace hallway::tool
