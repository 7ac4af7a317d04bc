// SPDX-License-Identifier: Apache-2.0
#include "link/remote_hubs.hpp"

#include <algorithm>
#include <cstddef>
#include <utility>

#include <hallway/hub_client.hpp>

namespace hallway::link {

namespace {

/// Estimated bytes of a hub's pattern: in the hub's own set, and in the set of all hubs.
constexpr std::size_t memory_of(ByteView pattern) { return 400 + 3 * pattern.size(); }

}  // namespace

RemoteHubs::RemoteHubs(const std::vector<std::string>& exports) {
  for (const std::string& pattern : exports) exports_.push_back({pattern});
}

bool RemoteHubs::receive(const InterestGossip& gossip, Time now) {
  if (!all_.contains(gossip.hub) && all_.size() >= most_hubs) return true;
  RemoteHub& from = all_[gossip.hub];
  from.last_seen = now;
  switch (gossip.kind) {
    case InterestGossip::Kind::all:
      if (from.known && from.number == gossip.number) return true;  // sent for other hubs
      withdraw(from);
      from.everything = false;
      from.known = true;
      from.number = gossip.number;
      apply(from, gossip.lines);
      return true;
    case InterestGossip::Kind::change:
      from.known = from.known && gossip.number == from.number + 1;
      from.number = gossip.number;
      apply(from, gossip.lines);
      return from.known;
    case InterestGossip::Kind::here: return from.known && gossip.number == from.number;
    case InterestGossip::Kind::goodbye:
      withdraw(from);
      all_.erase(gossip.hub);
      return true;
    case InterestGossip::Kind::ask: break;
  }
  return true;
}

void RemoteHubs::apply(RemoteHub& remote_hub, const std::vector<std::string>& lines) {
  if (remote_hub.everything) return;
  for (const ByteView line : lines) {
    const ByteView pattern = line.substr(1);
    if (line.front() == '+') {
      begin_to_want(remote_hub, pattern);
    } else if (const auto found = remote_hub.wants.find(pattern); found != remote_hub.wants.end()) {
      memory_ -= memory_of(pattern);
      remote_hub.wants.erase(found);
      cease_to_want(pattern);
    }
    if (remote_hub.everything) return;
  }
}

void RemoteHubs::begin_to_want(RemoteHub& remote_hub, ByteView pattern) {
  const bool can_have_some = std::ranges::any_of(exports_, [&](const Export& one) {
    return subjects_in_common(one.pattern, pattern).has_value();
  });
  if (!can_have_some) return;
  const std::size_t memory = memory_of(pattern);
  if (remote_hub.wants.size() >= most_patterns || memory_ + memory > most_memory) {
    return want_everything(remote_hub);
  }
  if (!remote_hub.wants.emplace(pattern).second) return;
  memory_ += memory;
  if (interest_.add(pattern)) count(pattern, +1);
}

/// The hub may get more than it wants, but misses nothing. Its changes to single patterns are
/// ignored until its next `all`.
void RemoteHubs::want_everything(RemoteHub& remote_hub) {
  constexpr ByteView everything = ">";
  withdraw(remote_hub);
  remote_hub.everything = true;
  remote_hub.wants.emplace(everything);
  memory_ += memory_of(everything);
  if (interest_.add(everything)) count(everything, +1);
}

void RemoteHubs::cease_to_want(ByteView pattern) {
  if (interest_.remove(pattern)) count(pattern, -1);
}

/// Updates the counts of the exports after a pattern became wanted (+1) or unwanted (-1).
void RemoteHubs::count(ByteView pattern, std::ptrdiff_t change) {
  for (Export& one : exports_) {
    if (subjects_in_common(one.pattern, pattern)) one.wanted += static_cast<std::size_t>(change);
  }
}

void RemoteHubs::withdraw(RemoteHub& remote_hub) {
  for (const std::string& pattern : std::exchange(remote_hub.wants, {})) {
    memory_ -= memory_of(pattern);
    cease_to_want(pattern);
  }
}

bool RemoteHubs::want_some_of(ByteView pattern) const {
  return std::ranges::any_of(
      exports_, [&](const Export& one) { return one.wanted > 0 && one.pattern == pattern; });
}

void RemoteHubs::forget_silent_since(Time time) {
  for (auto& [hub, remote_hub] : all_) {
    if (remote_hub.last_seen < time) withdraw(remote_hub);
  }
  std::erase_if(all_, [&](const auto& one) { return one.second.last_seen < time; });
}

void RemoteHubs::extend_liveness(Time now) {
  for (auto& [hub, remote_hub] : all_) remote_hub.last_seen = now;
}

}  // namespace hallway::link
