// SPDX-License-Identifier: Apache-2.0
//
// Inboxes: subjects to which answers come, `_INBOX.NAME` and all below. The name is a secret of the
// client that subscribes to them. So a subscription gets messages to an inbox only where it says
// the name, or where its client may hear all inboxes (permissions.hpp).
#pragma once

#include <cstdint>
#include <string_view>

namespace hallway::hub {

inline constexpr std::string_view inbox_prefix = "_INBOX.";
inline constexpr std::string_view all_inboxes = "_INBOX.>";

[[nodiscard]] constexpr bool is_inbox(std::string_view subject) noexcept {
  return subject.starts_with(inbox_prefix);
}

/// What a subscription has to do with inboxes.
enum class InboxReach : std::uint8_t {
  some_by_chance,  ///< it may cover some, as `>` and `*.x` do, but is not about them
  named,           ///< it says which one, or is not about inboxes at all
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
