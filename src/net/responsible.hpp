// SPDX-License-Identifier: Apache-2.0
//
// Who answers for a uid. A user may have 65,536 subordinate uids and more (man 5 subuid), which it
// takes in user namespaces of its own: what each of these does is the doing of that user, and a
// limit for one uid is none if the others are not counted with it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <hallway/peer.hpp>

namespace hallway::net {

/// Which uids belong to which user, as /etc/subuid says. Its users are looked for in /etc/passwd,
/// and nowhere else: this is asked while a loop runs.
class SubordinateUids {
 public:
  SubordinateUids() = default;
  /// nullopt: a file is there and cannot be read now.
  static std::optional<SubordinateUids> read(const std::string& ranges = "/etc/subuid",
                                             const std::string& users = "/etc/passwd");

  [[nodiscard]] std::optional<std::uint32_t> owner_of(std::uint32_t uid) const noexcept;

 private:
  struct Range {
    std::uint32_t first;
    std::uint32_t count;
    std::uint32_t owner;
  };
  std::vector<Range> ranges_;
};

/// A line of /proc/PID/uid_map (man 7 user_namespaces), its outer uids as we see them.
struct UidRange {
  std::uint32_t inside;
  std::uint32_t outside;
  std::uint32_t count;
};
std::vector<UidRange> parse_uid_map(const std::string& text);

/// The outer uid of root in a namespace with this map; nullopt where the map does not have `uid`,
/// or has no root.
std::optional<std::uint32_t> root_in(const std::vector<UidRange>& map, std::uint32_t uid) noexcept;

/// The uid that answers for this peer: the owner that /etc/subuid names; else, where its process is
/// in another user namespace, root of that; else its own. The namespace of a process that has
/// ended, or is hidden from us (man 5 proc, hidepid), is not known.
std::uint32_t responsible_uid(const Peer& peer, const SubordinateUids& subordinates);

}  // namespace hallway::net
