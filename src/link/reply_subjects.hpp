// SPDX-License-Identifier: Apache-2.0
//
// Subjects on which answers return over a link. Each contains the original reply subject and a seal
// over it, so that a client cannot make the link publish to a subject that the link did not give
// out. This needs no state per request.
#pragma once

#include <optional>
#include <string>

#include <hallway/bytes.hpp>

#include "core/siphash.hpp"

namespace hallway::link {

class ReplySubjects {
 public:
  /// @param link  a token that no other link has
  /// @param key   random, a different one for each direction
  ReplySubjects(ByteView link, const core::HashKey& key);

  /// Matches all of them.
  [[nodiscard]] std::string pattern() const { return prefix_ + '>'; }

  /// The sealed form of `subject`.
  [[nodiscard]] std::string seal(ByteView subject) const;

  /// @return the original subject, a view into `sealed`; nullopt if this link did not seal it
  [[nodiscard]] std::optional<ByteView> open(ByteView sealed) const;

 private:
  [[nodiscard]] std::string seal_of(ByteView subject) const;

  std::string prefix_;
  core::HashKey key_;
};

}  // namespace hallway::link
