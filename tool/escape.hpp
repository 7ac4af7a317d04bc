// SPDX-License-Identifier: Apache-2.0
//
// Bytes that somebody else chose, made harmless for a terminal or a log.
#pragma once

#include <string>
#include <string_view>

namespace hallway::tool {

/// The text with everything escaped that could move a cursor, colour a line, turn writing
/// around or break the line: control characters (C0, DEL, C1), line and paragraph separators,
/// bidirectional controls, and whatever is no UTF-8. All else, emoji included, stays.
std::string escaped(std::string_view bytes);

/// The first `most` bytes of it, escaped, and "..." where something was left out.
std::string excerpt(std::string_view bytes, std::size_t most);

bool is_utf8(std::string_view bytes) noexcept;

/// For bytes that JSON cannot carry as text.
std::string base64(std::string_view bytes);

}  // namespace hallway::tool
