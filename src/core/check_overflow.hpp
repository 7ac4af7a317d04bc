// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include <hallway/error.hpp>
#include <hallway/overflow_policy.hpp>

namespace hallway::core {

/// Checks that `queues`, a plural such as "a server's broadcasts", support a policy.
/// @errors invalid_argument: they do not; the reason lists the `supported` ones
inline Result<void> check_overflow(OverflowPolicy policy, std::span<const OverflowPolicy> supported,
                                   std::string_view queues) {
  if (std::ranges::find(supported, policy) != supported.end()) return {};
  std::string reason = std::string(queues) + " support ";
  for (const OverflowPolicy& one : supported) {
    reason.append(&one == supported.data() ? "" : ", ").append(to_string(one));
  }
  return std::unexpected(Error{.code = std::make_error_code(std::errc::invalid_argument),
                               .operation = "overflow policy",
                               .subject = std::string(to_string(policy)),
                               .reason = std::move(reason),
                               .hint = {}});
}

}  // namespace hallway::core
