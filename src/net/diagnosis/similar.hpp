// SPDX-License-Identifier: Apache-2.0
//
// Names that are close to the one asked for. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <hallway/address.hpp>

#include "net/diagnosis/evidence.hpp"

namespace hallway::net {

/// A name that exists: a path, or '@' and an abstract name with '@' for each NUL, as SocketEntry.
struct Candidate {
  std::string name;
  bool abstract = false;
  bool alive = false;
};

/// How a name could be meant for another, looking at their spelling alone: never `nearby` or
/// `renamed`.
std::optional<SimilarName::Why> likeness(std::string_view wanted, std::string_view candidate);

/// The closest first, at most `most`, each name once. A candidate that is in the same directory and
/// not alike is `nearby`. `path` is the absolute path that the address leads to, empty for an
/// abstract name.
std::vector<SimilarName> similar_names(const Address& wanted, std::string_view path,
                                       const std::vector<Candidate>& candidates, std::size_t most);

/// The number of characters to change, insert, remove or swap with their neighbour, or `limit` if
/// it is not below that.
std::size_t edit_distance(std::string_view one, std::string_view other, std::size_t limit);

/// Whether a character shows nothing, apart from accents: a joiner, a direction mark.
bool has_invisible(std::string_view name);

/// A name as the eye reads it: invisible characters and accents removed, and those that look alike
/// replaced by one of them.
std::string as_it_looks(std::string_view name);

}  // namespace hallway::net
