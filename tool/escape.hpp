// SPDX-License-Identifier: Apache-2.0
//
// Forms of a message besides itself.
#pragma once

#include <string>
#include <string_view>

namespace hallway::tool {

/// The first `most` bytes, printable, and "..." where something was left out.
std::string excerpt(std::string_view bytes, std::size_t most);

/// For bytes that JSON cannot carry as text.
std::string base64(std::string_view bytes);

}  // namespace hallway::tool
