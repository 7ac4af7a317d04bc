// SPDX-License-Identifier: Apache-2.0
#include "hub/match_cache.hpp"

#include <new>
#include <utility>

#include "hub/subject.hpp"

namespace hallway::hub {

std::size_t MatchCache::family_of(std::string_view first_token) const noexcept {
  return hash(first_token) % changes_.size();
}

const Concerned* MatchCache::find(std::string_view subject, std::uint64_t hash) const noexcept {
  const Entry& entry = entries_[hash % seats];
  const bool known =
      entry.hash == hash && entry.changes == changes_to(entry.family) && entry.subject == subject;
  return known ? &entry.concerned : nullptr;
}

void MatchCache::learn(std::string_view subject, std::uint64_t hash,
                       const Concerned& concerned) noexcept {
  if (subject.size() > longest_subject || concerned.size() > most_concerned) return;
  Entry& entry = entries_[hash % seats];
  const bool taken = entry.changes == changes_to(entry.family);
  if (taken && std::exchange(entry.candidate, hash) != hash) return;
  entry.changes = 0;
  try {
    entry.subject = subject;
    entry.concerned = concerned;
  } catch (const std::bad_alloc&) {
    return;  // a cache may forget
  }
  entry.hash = hash;
  entry.family = family_of(Tokens(subject).next());
  entry.changes = changes_to(entry.family);
}

void MatchCache::interest_changed(std::string_view subject) noexcept {
  const std::string_view first = Tokens(subject).next();
  if (first == "*" || first == ">") {
    ++changes_to_all_;
  } else {
    ++changes_[family_of(first)];
  }
}

}  // namespace hallway::hub
