// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

namespace hallway::tool {

/// Sixteen bytes a line: where, as hexadecimal digits, as text. An empty message is one line.
std::string hex_dump(std::string_view bytes);

}  // namespace hallway::tool
