// SPDX-License-Identifier: Apache-2.0
//
// A set of wanted patterns, each with a reference count. Every client that sends requests
// subscribes to a pattern of its own, so there may be many, most of them with a wildcard. Subjects
// are therefore matched with the hub's SubjectTree.
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

  /// Precondition: is_subject_pattern(pattern). @return whether the pattern is new
  bool add(ByteView pattern);
  /// @return whether the last reference to the pattern was removed
  bool remove(ByteView pattern);

  [[nodiscard]] bool wants(ByteView subject);

  [[nodiscard]] std::size_t size() const noexcept { return patterns_.size(); }

 private:
  struct Wanted {
    explicit Wanted(std::string pattern) : as(nullptr, std::move(pattern)) {}

    hub::RoutedSubscription as;
    std::size_t by = 1;  // reference count
  };

  hub::SubjectTree tree_;
  std::map<std::string, Wanted, std::less<>> patterns_;
  hub::MatchResult found_;
};

/// The changes since the last take(). A pattern that was added and removed in between cancels out,
/// so the set does not grow beyond the number of patterns while take() is not called.
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
