// SPDX-License-Identifier: Apache-2.0
// Layer: subject
//
// Subjects: what messages are published to in a hub, and the patterns that subscribe to them.
// Thread: any.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include <hallway/bytes.hpp>
#include <hallway/export.hpp>

namespace hallway {

/// Whether one can publish to it: tokens between dots, none of them empty, no white space and no
/// wildcard among them.
[[nodiscard]] HALLWAY_EXPORT bool is_subject(ByteView text) noexcept;

/// Whether one can subscribe to it: the same, where the token * stands for any one token, and > at
/// the end for one or more.
[[nodiscard]] HALLWAY_EXPORT bool is_subject_pattern(ByteView text) noexcept;

/// Whether who subscribes to `pattern` gets what is published to `subject`.
/// Precondition: is_subject_pattern(pattern).
[[nodiscard]] HALLWAY_EXPORT bool matches_subject(ByteView pattern, ByteView subject) noexcept;

/// The pattern of exactly those subjects that both patterns match; nullopt: there is none.
/// Precondition: both are patterns.
[[nodiscard]] HALLWAY_EXPORT std::optional<std::string> subjects_in_common(ByteView pattern,
                                                                           ByteView other);

/// How much of what a pattern matches hubs, links and servers keep to themselves: the subjects
/// below `$SYS` and `_HALLWAY`. No link passes those on.
enum class InternalPart : std::uint8_t {
  none,
  some,  ///< as of `>`, whose other subjects a link passes on
  all,   ///< as of `$SYS.>`
};

/// Precondition: is_subject_pattern(pattern).
[[nodiscard]] HALLWAY_EXPORT InternalPart internal_part_of(ByteView pattern) noexcept;

}  // namespace hallway
