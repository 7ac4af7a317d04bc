// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <nlohmann/json.hpp>

#include <hallway/diagnosis.hpp>

namespace hallway::tool {

/// Prints a diagnosis as text, or as one JSON object that begins with the members of `subject`.
/// @return the exit status
int print_diagnosis(const Diagnosis& diagnosis, nlohmann::ordered_json subject, bool json);

}  // namespace hallway::tool
