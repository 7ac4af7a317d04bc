// SPDX-License-Identifier: Apache-2.0
// Layer: core
#pragma once

#include <string>
#include <string_view>

#include <hallway/export.hpp>

namespace hallway {

/// Borrowed bytes. A `std::string_view` because every text, literal and string becomes one by
/// itself; what it shows is data, not text: any byte may occur, NUL and invalid UTF-8 too.
using ByteView = std::string_view;

/// Bytes that somebody else chose, made harmless for a terminal or a log: escaped is everything
/// that could move a cursor, colour a line, turn writing around or break the line, that is control
/// characters (C0, DEL, C1), line and paragraph separators, bidirectional controls, and whatever
/// is no UTF-8. All else, emoji and backslashes included, stays; so doing it twice does nothing.
///
///     std::clog << "received " << printable(message->bytes()) << '\n';
HALLWAY_EXPORT std::string printable(ByteView bytes);

/// Whether it is text: no overlong form, no surrogate, nothing cut off.
HALLWAY_EXPORT bool is_utf8(ByteView bytes) noexcept;

/// For bytes that a format of text, such as JSON, cannot carry (RFC 4648, with its padding).
HALLWAY_EXPORT std::string base64(ByteView bytes);

}  // namespace hallway
