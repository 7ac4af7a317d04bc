// SPDX-License-Identifier: Apache-2.0
// Layer: subject
//
// Subjects: what messages are published to in a hub, and the patterns used to subscribe to them.
// Thread: any.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include <hallway/bytes.hpp>
#include <hallway/export.hpp>

namespace hallway {

/// Whether a message can be published to it: tokens between dots, none of them empty, without white
/// space and without wildcards.
[[nodiscard]] HALLWAY_EXPORT bool is_subject(ByteView text) noexcept;

/// Whether it can be subscribed to: as is_subject(), where the token * stands for any one token,
/// and > at the end for one or more.
[[nodiscard]] HALLWAY_EXPORT bool is_subject_pattern(ByteView text) noexcept;

/// Whether a subscription to `pattern` receives what is published to `subject`.
/// Precondition: is_subject_pattern(pattern).
[[nodiscard]] HALLWAY_EXPORT bool matches_subject(ByteView pattern, ByteView subject) noexcept;

/// The pattern of exactly those subjects that both patterns match; nullopt: there is none.
/// Precondition: both are patterns.
[[nodiscard]] HALLWAY_EXPORT std::optional<std::string> subjects_in_common(ByteView pattern,
                                                                           ByteView other);

/// How many of the subjects that a pattern matches are internal to hubs, links and servers: those
/// below `$SYS` and `_HALLWAY`. Links do not forward them.
enum class InternalPart : std::uint8_t {
  none,
  some,  ///< for example of `>`, whose other subjects a link forwards
  all,   ///< for example of `$SYS.>`
};

/// Precondition: is_subject_pattern(pattern).
[[nodiscard]] HALLWAY_EXPORT InternalPart internal_part_of(ByteView pattern) noexcept;

}  // namespace hallway
