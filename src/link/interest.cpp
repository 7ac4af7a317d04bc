// SPDX-License-Identifier: Apache-2.0
#include "link/interest.hpp"

#include <algorithm>

#include <hallway/hub_client.hpp>

namespace hallway::link {

bool Interest::add(ByteView pattern) {
  const auto found = patterns_.find(pattern);
  if (found != patterns_.end()) {
    ++found->second;
    return false;
  }
  patterns_.emplace(pattern, 1);
  if (!is_subject(pattern)) wild_.emplace(pattern);
  return true;
}

bool Interest::remove(ByteView pattern) {
  const auto found = patterns_.find(pattern);
  if (found == patterns_.end() || --found->second > 0) return false;
  patterns_.erase(found);
  if (const auto wild = wild_.find(pattern); wild != wild_.end()) wild_.erase(wild);
  return true;
}

bool Interest::wants(ByteView subject) const {
  return patterns_.contains(subject) ||
         std::ranges::any_of(wild_, [&](ByteView one) { return matches_subject(one, subject); });
}

bool Interest::overlaps(ByteView pattern) const {
  return std::ranges::any_of(patterns_, [&](const auto& one) {
    return subjects_in_common(one.first, pattern).has_value();
  });
}

}  // namespace hallway::link
