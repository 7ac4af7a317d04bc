// SPDX-License-Identifier: Apache-2.0
//
// Patterns that somebody wants. Several may want the same one. Every client that asks questions
// subscribes to a pattern of its own, so there may be many, most of them with a wildcard: what a
// subject is wanted for is found as the hub finds it.
#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <string>
#include <utility>

#include <hallway/bytes.hpp>

#include "subject/subject_tree.hpp"

namespace hallway::link {

class Interest {
 public:
  Interest();
  Interest(const Interest&) = delete;
  Interest& operator=(const Interest&) = delete;
  ~Interest();

  /// Precondition: is_subject_pattern(pattern). @return whether it is the first
  bool add(ByteView pattern);
  /// @return whether it was there, and the last
  bool remove(ByteView pattern);

  [[nodiscard]] bool wants(ByteView subject);

  [[nodiscard]] std::size_t size() const noexcept { return patterns_.size(); }

 private:
  struct Wanted {
    explicit Wanted(std::string pattern) : as(nullptr, std::move(pattern)) {}

    hub::Subscription as;
    std::size_t by = 1;  // how many
  };

  hub::SubjectTree tree_;
  std::map<std::string, Wanted, std::less<>> patterns_;
  hub::MatchResult found_;
};

/// What has changed since somebody last looked. A pattern that came and went meanwhile is none of
/// it: while nobody looks, this grows no further than what there is to want.
class InterestChanges {
 public:
  using Wanted = std::map<std::string, bool>;

  void note(const std::string& pattern, bool wanted) {
    const auto [known, added] = all_.try_emplace(pattern, wanted);
    if (!added && known->second != wanted) all_.erase(known);
  }
  [[nodiscard]] Wanted take() { return std::exchange(all_, {}); }

 private:
  Wanted all_;
};

}  // namespace hallway::link
