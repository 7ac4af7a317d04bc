// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace hallway::tool {

/// "; did you mean serve?" for a mistyped word, or empty if no known word is similar enough.
std::string suggestion(std::string_view word, std::span<const std::string> known);

}  // namespace hallway::tool
