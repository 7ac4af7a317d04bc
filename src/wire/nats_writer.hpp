// SPDX-License-Identifier: Apache-2.0
//
// Writes operations as bytes, into memory whose size the caller has computed before:
//
//     std::string bytes(written_size(operation), '\0');
//     write(operation, bytes.data());
//
// The fields are written unchanged: a subject, reply, queue or sid must not contain a blank,
// carriage return or line feed, and a text must not contain a line feed. Fields from a parser
// contain none.
#pragma once

#include <cstddef>
#include <string>

#include "wire/nats_operation.hpp"

namespace hallway::nats {

/// The size of the whole operation, in bytes.
[[nodiscard]] std::size_t written_size(const Operation& operation) noexcept;

/// Writes the operation and returns the end of what was written.
char* write(const Operation& operation, char* out) noexcept;

/// Returns the same bytes as a string.
[[nodiscard]] std::string to_bytes(const Operation& operation);

/// The same for the line alone, CR LF included, if header and payload are sent from where they are.
/// The caller sends a CR LF after them.
[[nodiscard]] std::size_t line_size(const Operation& operation) noexcept;
char* write_line(const Operation& operation, char* out) noexcept;

}  // namespace hallway::nats
