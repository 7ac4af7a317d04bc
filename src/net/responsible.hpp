// SPDX-License-Identifier: Apache-2.0
//
// Finds the uid that is responsible for another uid. A user may have 65,536 subordinate uids and
// more (man 5 subuid), which it uses in its own user namespaces. That user is responsible for all
// of them, and a limit per uid is ineffective unless they are counted together.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <hallway/peer.hpp>

namespace hallway::net {

/// The owners of subordinate uids, as listed in /etc/subuid. User names are looked up only in
/// /etc/passwd, because this runs on a loop.
class SubordinateUids {
 public:
  SubordinateUids() = default;
  /// @return nullopt if a file exists and cannot be read now
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

/// A line of /proc/PID/uid_map (man 7 user_namespaces), with the outer uids as our namespace sees
/// them.
struct UidRange {
  std::uint32_t inside;
  std::uint32_t outside;
  std::uint32_t count;
};
std::vector<UidRange> parse_uid_map(const std::string& text);

/// The outer uid of root in a namespace with this map; nullopt if the map does not contain `uid` or
/// root.
std::optional<std::uint32_t> root_in(const std::vector<UidRange>& map, std::uint32_t uid) noexcept;

/// The uid responsible for this peer: the owner that /etc/subuid names; else, if its process is in
/// another user namespace, the outer uid of root there; else its own uid. The namespace is unknown
/// if the process has ended or is hidden from us (man 5 proc, hidepid).
std::uint32_t responsible_uid(const Peer& peer, const SubordinateUids& subordinates);

}  // namespace hallway::net
