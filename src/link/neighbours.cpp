// SPDX-License-Identifier: Apache-2.0
#include "link/neighbours.hpp"

#include <algorithm>

#include <hallway/hub_client.hpp>

namespace hallway::link {

Neighbours::Neighbours(const std::vector<std::string>& exports) {
  for (const std::string& pattern : exports) exports_.push_back({pattern});
}

bool Neighbours::hear(const Word& word, Time now) {
  if (!all_.contains(word.hub) && all_.size() >= most_hubs) return true;
  Neighbour& from = all_[word.hub];
  from.heard = now;
  switch (word.kind) {
    case Word::Kind::all:
      if (from.known && from.number == word.number) return true;  // said for others
      withdraw(from);
      from.wants.clear();
      from.known = true;
      from.number = word.number;
      apply(from, word.lines);
      return true;
    case Word::Kind::change:
      from.known = from.known && word.number == from.number + 1;
      from.number = word.number;
      apply(from, word.lines);
      return from.known;
    case Word::Kind::here: return from.known && word.number == from.number;
    case Word::Kind::bye:
      withdraw(from);
      all_.erase(word.hub);
      return true;
    case Word::Kind::ask: break;
  }
  return true;
}

void Neighbours::apply(Neighbour& neighbour, const std::vector<std::string>& lines) {
  for (const ByteView line : lines) {
    const ByteView pattern = line.substr(1);
    if (line.front() == '+') {
      begin_to_want(neighbour, pattern);
    } else if (const auto found = neighbour.wants.find(pattern); found != neighbour.wants.end()) {
      neighbour.wants.erase(found);
      cease_to_want(pattern);
    }
  }
}

void Neighbours::begin_to_want(Neighbour& neighbour, ByteView pattern) {
  const auto overlaps = [&pattern](const Export& one) {
    return subjects_in_common(one.pattern, pattern).has_value();
  };
  if (std::ranges::none_of(exports_, overlaps)) return;
  if (neighbour.wants.size() >= most_patterns) pattern = ">";
  if (!neighbour.wants.emplace(pattern).second || !interest_.add(pattern)) return;
  for (Export& one : exports_) {
    if (overlaps(one)) ++one.wanted;
  }
}

void Neighbours::cease_to_want(ByteView pattern) {
  if (!interest_.remove(pattern)) return;
  for (Export& one : exports_) {
    if (subjects_in_common(one.pattern, pattern)) --one.wanted;
  }
}

void Neighbours::withdraw(const Neighbour& neighbour) {
  for (const std::string& pattern : neighbour.wants) cease_to_want(pattern);
}

bool Neighbours::want_some_of(ByteView pattern) const {
  return std::ranges::any_of(
      exports_, [&](const Export& one) { return one.wanted > 0 && one.pattern == pattern; });
}

void Neighbours::forget_silent_since(Time time) {
  std::erase_if(all_, [&](const auto& one) {
    const bool silent = one.second.heard < time;
    if (silent) withdraw(one.second);
    return silent;
  });
}

void Neighbours::excuse_silence(Time now) {
  for (auto& [hub, neighbour] : all_) neighbour.heard = now;
}

}  // namespace hallway::link
