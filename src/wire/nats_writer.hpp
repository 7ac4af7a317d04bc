// SPDX-License-Identifier: Apache-2.0
//
// Operations become bytes, in memory the caller has measured before:
//
//     std::string bytes(written_size(operation), '\0');
//     write(operation, bytes.data());
//
// The fields are written as they stand: a subject, reply, queue or sid has no blank, carriage
// return or line feed in it, and a text no line feed. Those that a parser handed out have none.
#pragma once

#include <cstddef>
#include <string>

#include "wire/nats_operation.hpp"

namespace hallway::nats {

/// Bytes of the whole operation.
[[nodiscard]] std::size_t written_size(const Operation& operation) noexcept;

/// Writes it and returns the end of what was written.
char* write(const Operation& operation, char* out) noexcept;

/// The same in a string of its own.
[[nodiscard]] std::string to_bytes(const Operation& operation);

/// The same for its line alone, CR LF included, where header and payload are sent from where they
/// lie: a CR LF is to follow them.
[[nodiscard]] std::size_t line_size(const Operation& operation) noexcept;
char* write_line(const Operation& operation, char* out) noexcept;

}  // namespace hallway::nats
