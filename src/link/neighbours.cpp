// SPDX-License-Identifier: Apache-2.0
#include "link/neighbours.hpp"

#include <algorithm>
#include <cstddef>
#include <utility>

#include <hallway/hub_client.hpp>

namespace hallway::link {

namespace {

/// What a pattern of one hub takes up: in its set, and in what all want.
constexpr std::size_t memory_of(ByteView pattern) { return 400 + 3 * pattern.size(); }

}  // namespace

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
      from.everything = false;
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
  if (neighbour.everything) return;
  for (const ByteView line : lines) {
    const ByteView pattern = line.substr(1);
    if (line.front() == '+') {
      begin_to_want(neighbour, pattern);
    } else if (const auto found = neighbour.wants.find(pattern); found != neighbour.wants.end()) {
      memory_ -= memory_of(pattern);
      neighbour.wants.erase(found);
      cease_to_want(pattern);
    }
    if (neighbour.everything) return;
  }
}

void Neighbours::begin_to_want(Neighbour& neighbour, ByteView pattern) {
  const bool can_have_some = std::ranges::any_of(exports_, [&](const Export& one) {
    return subjects_in_common(one.pattern, pattern).has_value();
  });
  if (!can_have_some) return;
  const std::size_t memory = memory_of(pattern);
  if (neighbour.wants.size() >= most_patterns || memory_ + memory > most_memory) {
    return want_everything(neighbour);
  }
  if (!neighbour.wants.emplace(pattern).second) return;
  memory_ += memory;
  if (interest_.add(pattern)) count(pattern, +1);
}

/// More may cross than it wants, and nothing that it wants is missing. What it says of single
/// patterns means nothing until it says all anew.
void Neighbours::want_everything(Neighbour& neighbour) {
  constexpr ByteView everything = ">";
  withdraw(neighbour);
  neighbour.everything = true;
  neighbour.wants.emplace(everything);
  memory_ += memory_of(everything);
  if (interest_.add(everything)) count(everything, +1);
}

void Neighbours::cease_to_want(ByteView pattern) {
  if (interest_.remove(pattern)) count(pattern, -1);
}

/// One pattern more, or less, of those that somebody wants.
void Neighbours::count(ByteView pattern, std::ptrdiff_t change) {
  for (Export& one : exports_) {
    if (subjects_in_common(one.pattern, pattern)) one.wanted += static_cast<std::size_t>(change);
  }
}

void Neighbours::withdraw(Neighbour& neighbour) {
  for (const std::string& pattern : std::exchange(neighbour.wants, {})) {
    memory_ -= memory_of(pattern);
    cease_to_want(pattern);
  }
}

bool Neighbours::want_some_of(ByteView pattern) const {
  return std::ranges::any_of(
      exports_, [&](const Export& one) { return one.wanted > 0 && one.pattern == pattern; });
}

void Neighbours::forget_silent_since(Time time) {
  for (auto& [hub, neighbour] : all_) {
    if (neighbour.heard < time) withdraw(neighbour);
  }
  std::erase_if(all_, [&](const auto& one) { return one.second.heard < time; });
}

void Neighbours::excuse_silence(Time now) {
  for (auto& [hub, neighbour] : all_) neighbour.heard = now;
}

}  // namespace hallway::link
