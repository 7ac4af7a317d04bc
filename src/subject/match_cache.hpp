// SPDX-License-Identifier: Apache-2.0
//
// Results of matching, for subjects that messages are published to repeatedly.
//
// Its size is bounded: the number of slots is fixed, the hash of a subject selects its slot, and
// long subjects and large results are not stored. It is hard to make useless: a subject takes the
// slot of another one only when it missed there twice in a row. A stream of subjects that occur
// once, as reply subjects do, therefore does not evict those that repeat.
//
// Adding or removing a subscription invalidates the results of subjects with the same first token,
// or all results if the subscription begins with a wildcard. So inboxes that come and go do not
// evict the rest.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/siphash.hpp"
#include "subject/subject_tree.hpp"

namespace hallway::hub {

class MatchCache {
 public:
  static constexpr std::size_t seats = 4096;
  static constexpr std::size_t longest_subject = 256;
  static constexpr std::size_t most_concerned = 256;

  explicit MatchCache(const core::HashKey& key) : key_(key), tags_(seats), entries_(seats) {}

  [[nodiscard]] std::uint64_t hash(std::string_view subject) const noexcept {
    return core::SipHash::of(subject, key_);
  }

  /// The stored result, or nullptr.
  /// @param hash  of the subject
  [[nodiscard]] const MatchResult* find(std::string_view subject,
                                        std::uint64_t hash) const noexcept;

  /// Offers a result that find() did not have. The cache may store it.
  void learn(std::string_view subject, std::uint64_t hash, const MatchResult& result) noexcept;

  /// A subscription to `subject` was added or removed.
  void interest_changed(std::string_view subject) noexcept;

 private:
  // Identifies the result in a slot. Tags are stored apart from the results so that a miss is
  // cheap: all tags fit into the second-level cache.
  struct Tag {
    std::uint64_t hash = 0;
    std::uint64_t candidate = 0;  // the hash of the last subject that missed while it was in use
    std::uint64_t changes = 0;    // of its family when it was stored; 0: the slot is empty
    std::size_t family = 0;       // selected by its first token
  };
  struct Entry {
    std::string subject;
    MatchResult result;
  };

  [[nodiscard]] std::size_t family_of(std::string_view first_token) const noexcept;
  /// One more than the number of changes that affected this family.
  [[nodiscard]] std::uint64_t changes_to(std::size_t family) const noexcept {
    return changes_to_all_ + changes_[family];
  }

  core::HashKey key_;
  std::vector<Tag> tags_;
  std::vector<Entry> entries_;
  std::array<std::uint64_t, 64> changes_{};
  std::uint64_t changes_to_all_ = 1;
};

}  // namespace hallway::hub
