// SPDX-License-Identifier: Apache-2.0
#include <hallway/overflow_policy.hpp>

namespace hallway {

std::string_view to_string(OverflowPolicy policy) noexcept {
  switch (policy) {
    case OverflowPolicy::wait: return "wait";
    case OverflowPolicy::drop_oldest: return "drop_oldest";
    case OverflowPolicy::drop_newest: return "drop_newest";
    case OverflowPolicy::latest_only: return "latest_only";
    case OverflowPolicy::disconnect: return "disconnect";
    case OverflowPolicy::fail: return "fail";
  }
  return "unknown policy";
}

std::optional<OverflowPolicy> overflow_policy(std::string_view name,
                                              std::span<const OverflowPolicy> supported) noexcept {
  for (const OverflowPolicy policy : supported) {
    if (to_string(policy) == name) return policy;
  }
  return std::nullopt;
}

}  // namespace hallway
