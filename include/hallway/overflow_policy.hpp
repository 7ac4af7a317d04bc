// SPDX-License-Identifier: Apache-2.0
// Layer: core
//
// What happens to a message for which a queue has no room. Each kind of queue supports some of
// these policies: see broadcast_policies (connection.hpp), delivery_policies (hub_rules.hpp),
// hub::publish_policies and hub::inbox_policies (hub_client.hpp), and link_policies (link.hpp).
// Opening it with another policy fails with invalid_argument, and the reason lists those that it
// supports.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include <hallway/export.hpp>

namespace hallway {

enum class OverflowPolicy : std::uint8_t {
  wait,         ///< the sender waits until there is room: back-pressure
  drop_oldest,  ///< waiting messages are dropped to make room, oldest first; counted
  drop_newest,  ///< this message is dropped; counted
  latest_only,  ///< of each subject only the latest message waits, in the position of the first; if
                ///< there is still no room, as drop_oldest
  disconnect,   ///< the receiver is disconnected
  fail,         ///< the sender's call fails
};

inline constexpr std::array all_overflow_policies{
    OverflowPolicy::wait,        OverflowPolicy::drop_oldest, OverflowPolicy::drop_newest,
    OverflowPolicy::latest_only, OverflowPolicy::disconnect,  OverflowPolicy::fail};

/// "wait", "drop_oldest", ...
HALLWAY_EXPORT std::string_view to_string(OverflowPolicy policy) noexcept;

/// The policy with that name, if it is one of `supported`.
HALLWAY_EXPORT std::optional<OverflowPolicy> overflow_policy(
    std::string_view name,
    std::span<const OverflowPolicy> supported = all_overflow_policies) noexcept;

}  // namespace hallway
