// SPDX-License-Identifier: Apache-2.0
// Layer: core
#pragma once

#include <string>
#include <string_view>

#include <hallway/export.hpp>

namespace hallway {

/// Borrowed bytes. A `std::string_view`, because every literal and string converts to it
/// implicitly. The content is data, not text: any byte may occur, including NUL and invalid UTF-8.
using ByteView = std::string_view;

/// Untrusted bytes, made safe for a terminal or a log. It escapes everything that could move a
/// cursor, colour a line, reverse the direction of the text or break the line: control characters
/// (C0, DEL, C1), line and paragraph separators, bidirectional controls, and invalid UTF-8.
/// Everything else, including emoji and backslashes, stays. A second call changes nothing.
///
///     std::clog << "received " << printable(message->bytes()) << '\n';
HALLWAY_EXPORT std::string printable(ByteView bytes);

/// Whether the bytes are valid UTF-8: no overlong form, no surrogate, no incomplete sequence.
HALLWAY_EXPORT bool is_utf8(ByteView bytes) noexcept;

/// Base64 with padding (RFC 4648), for bytes that a text format such as JSON cannot carry.
HALLWAY_EXPORT std::string base64(ByteView bytes);

}  // namespace hallway
