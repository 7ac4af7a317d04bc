// SPDX-License-Identifier: Apache-2.0
//
// What matching found out, for subjects that are published again and again.
//
// It cannot be made to grow: there are so many seats, the hash of a subject says which one is its,
// and long subjects and long answers are not kept. It is hard to make useless: a subject takes the
// seat of another only when it was asked for twice in a row there, so a stream of subjects that
// occur once, as reply subjects do, leaves those that matter where they are.
//
// A subscription that comes or goes makes void what concerns subjects with the same first token;
// one that begins with a wildcard, everything. So inboxes that come and go do not disturb the rest.
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

  /// What is known, or nullptr. @param hash  of the subject
  [[nodiscard]] const MatchResult* find(std::string_view subject,
                                        std::uint64_t hash) const noexcept;

  /// Is told what find() did not know, and may keep it.
  void learn(std::string_view subject, std::uint64_t hash, const MatchResult& result) noexcept;

  /// Somebody subscribed to `subject`, or does not any more.
  void interest_changed(std::string_view subject) noexcept;

 private:
  // What tells whether a seat has the answer. Apart from the answers, so that asking in vain costs
  // little: all tags fit into the second-level cache.
  struct Tag {
    std::uint64_t hash = 0;
    std::uint64_t candidate = 0;  // the hash of who was here last in vain
    std::uint64_t changes = 0;    // to its family when it was learnt; 0: it holds nothing
    std::size_t family = 0;       // by its first token
  };
  struct Entry {
    std::string subject;
    MatchResult result;
  };

  [[nodiscard]] std::size_t family_of(std::string_view first_token) const noexcept;
  /// How many changes there were that concern this family, and one.
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
