// SPDX-License-Identifier: Apache-2.0
//
// Subjects that lead answers back over a link: the subject they are for, sealed, so that nobody can
// have the link publish to one that it did not give out. Nothing has to be remembered for that.
#pragma once

#include <optional>
#include <string>

#include <hallway/bytes.hpp>

#include "core/siphash.hpp"

namespace hallway::link {

class ReplySubjects {
 public:
  /// @param link  a token that no other link has
  /// @param key   random, and another for each direction
  ReplySubjects(ByteView link, const core::HashKey& key);

  /// Matches all of them.
  [[nodiscard]] std::string pattern() const { return prefix_ + '>'; }

  /// The one that leads to `subject`.
  [[nodiscard]] std::string seal(ByteView subject) const;

  /// Where it leads to; nullopt: it is none of ours.
  [[nodiscard]] std::optional<ByteView> open(ByteView sealed) const;

 private:
  [[nodiscard]] std::string seal_of(ByteView subject) const;

  std::string prefix_;
  core::HashKey key_;
};

}  // namespace hallway::link
