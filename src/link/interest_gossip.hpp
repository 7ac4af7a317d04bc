// SPDX-License-Identifier: Apache-2.0
//
// What hubs on one cluster say to each other about what they want, on the subject _HALLWAY.LINK:
//
//     HALLWAY 1 ID KIND NUMBER LF
//     +news.* LF                    wanted from now on
//     -jobs LF                      not any more
//
// Each hub numbers what it says. `all` begins anew: what it wants is what follows, and `change`s
// with the next numbers add to it. `here` says that it is there and what its last number is, so
// that who missed something can `ask` everybody to say all. `bye`: it goes, and wants nothing.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <hallway/bytes.hpp>

namespace hallway::link {

inline constexpr const char* word_subject = "_HALLWAY.LINK";

struct InterestGossip {
  enum class Kind : std::uint8_t { all, change, here, ask, goodbye };
  std::string hub;
  Kind kind = Kind::here;
  std::uint64_t number = 0;
  std::vector<std::string> lines = {};  ///< with their sign

  [[nodiscard]] std::string text() const;

  /// nullopt: it is none, or of another version, or its hub's id is too long. Lines that are no
  /// patterns are left out.
  static std::optional<InterestGossip> parse(ByteView text);
};

}  // namespace hallway::link
