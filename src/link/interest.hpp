// SPDX-License-Identifier: Apache-2.0
//
// Patterns that somebody wants. Several may want the same one.
#pragma once

#include <cstddef>
#include <map>
#include <set>
#include <string>

#include <hallway/bytes.hpp>

namespace hallway::link {

class Interest {
 public:
  /// @return whether it is the first
  bool add(ByteView pattern);
  /// @return whether it was there, and the last
  bool remove(ByteView pattern);

  /// Literal subjects are looked up; patterns with wildcards are asked one by one.
  [[nodiscard]] bool wants(ByteView subject) const;
  /// Whether it wants anything that `pattern` matches.
  [[nodiscard]] bool overlaps(ByteView pattern) const;

  [[nodiscard]] std::size_t size() const noexcept { return patterns_.size(); }

 private:
  std::map<std::string, std::size_t, std::less<>> patterns_;  // and how many want it
  std::set<std::string, std::less<>> wild_;                   // those of them with wildcards
};

}  // namespace hallway::link
