// SPDX-License-Identifier: Apache-2.0
//
// Inboxes: subjects for replies, `_INBOX.NAME` and everything below it. The name is a secret of the
// client that subscribes to the inbox. A subscription therefore receives messages to an inbox only
// if its subject contains the name, or if its client may receive all inboxes (permissions.hpp).
#pragma once

#include <cstdint>
#include <string_view>

namespace hallway::hub {

inline constexpr std::string_view inbox_prefix = "_INBOX.";
inline constexpr std::string_view all_inboxes = "_INBOX.>";

[[nodiscard]] constexpr bool is_inbox(std::string_view subject) noexcept {
  return subject.starts_with(inbox_prefix);
}

/// Which inboxes the subject of a subscription covers.
enum class InboxReach : std::uint8_t {
  some_by_chance,  ///< a general wildcard, as `>` or `*.x`, may cover some
  named,           ///< the subject contains the name, or covers no inbox
  all,             ///< a wildcard stands for the name
};

/// Precondition: a valid subject.
[[nodiscard]] constexpr InboxReach inbox_reach_of(std::string_view subject) noexcept {
  const auto begins_with_wildcard = [](std::string_view tokens) {
    const std::string_view first = tokens.substr(0, tokens.find('.'));
    return first == "*" || first == ">";
  };
  if (is_inbox(subject)) {
    return begins_with_wildcard(subject.substr(inbox_prefix.size())) ? InboxReach::all
                                                                     : InboxReach::named;
  }
  return begins_with_wildcard(subject) ? InboxReach::some_by_chance : InboxReach::named;
}

}  // namespace hallway::hub
