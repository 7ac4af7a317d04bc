// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

namespace hallway::tool {

/// Sixteen bytes per line: offset, hexadecimal digits, text. An empty message gives one line.
std::string hex_dump(std::string_view bytes);

}  // namespace hallway::tool
