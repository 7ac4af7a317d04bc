// SPDX-License-Identifier: Apache-2.0
//
// What the mode, the access control list, the groups and the capabilities of a name allow a
// subject, as the kernel decides it (path_resolution(7), acl(5)).
#pragma once

#include <cstdint>
#include <string>

#include "net/diagnosis/evidence.hpp"

namespace hallway::net {

enum class Access : std::uint8_t {
  search = 1,  ///< of a directory: x
  write = 2,   ///< of a socket: w
};

/// What decided.
enum class DecidedBy : std::uint8_t {
  owner,       ///< the bits of the owner
  group,       ///< the bits of the group
  others,      ///< the bits of everybody else
  acl_entry,   ///< an entry of the list that names the user or one of its groups
  acl_mask,    ///< such an entry, or the group's, allows it, and the mask takes it away
  capability,  ///< CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH
};

struct Permission {
  bool allowed = false;
  DecidedBy by = DecidedBy::others;
  /// With the groups that the user database gives to the user, it would be allowed.
  bool account_would_do = false;
};

Permission permission(const PathStep& step, const Subject& subject, Access wanted);

/// Whether a directory lets every user make files in it.
bool is_world_writable(const PathStep& step);

/// Those that the mode lets write to a socket, or search a directory: "app and group app",
/// "its owner, app,", "everybody".
std::string allowed_words(const PathStep& step, Access wanted);

}  // namespace hallway::net
