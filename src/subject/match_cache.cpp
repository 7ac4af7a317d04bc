// SPDX-License-Identifier: Apache-2.0
#include "subject/match_cache.hpp"

#include <new>
#include <utility>

#include "subject/subject.hpp"

namespace hallway::hub {

std::size_t MatchCache::family_of(std::string_view first_token) const noexcept {
  return hash(first_token) % changes_.size();
}

const MatchResult* MatchCache::find(std::string_view subject, std::uint64_t hash) const noexcept {
  const Tag& tag = tags_[hash % seats];
  if (tag.hash != hash || tag.changes != changes_to(tag.family)) return nullptr;
  const Entry& entry = entries_[hash % seats];
  return entry.subject == subject ? &entry.result : nullptr;
}

void MatchCache::learn(std::string_view subject, std::uint64_t hash,
                       const MatchResult& result) noexcept {
  if (subject.size() > longest_subject || result.size() > most_concerned) return;
  Tag& tag = tags_[hash % seats];
  const bool taken = tag.changes == changes_to(tag.family);
  if (taken && std::exchange(tag.candidate, hash) != hash) return;
  tag.changes = 0;
  Entry& entry = entries_[hash % seats];
  try {
    entry.subject = subject;
    entry.result = result;
  } catch (const std::bad_alloc&) {
    return;  // a cache may drop entries
  }
  tag.hash = hash;
  tag.family = family_of(Tokens(subject).next());
  tag.changes = changes_to(tag.family);
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
