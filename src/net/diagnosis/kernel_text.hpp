// SPDX-License-Identifier: Apache-2.0
//
// Reads what the kernel writes in /proc and in extended attributes. Pure. Names in it are chosen by
// any process: a line that does not fit is skipped, and a number that does not fit is unset.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "net/diagnosis/evidence.hpp"

namespace hallway::net {

/// /proc/PID/mountinfo. A later mount covers an earlier one at the same point.
std::vector<Mount> parse_mounts(std::string_view text);

/// A line of /proc/PID/net/unix. A name with a line feed in it can imitate another line: it is
/// believed only where nothing else shows the sockets of that namespace.
struct UnixLine {
  SocketType type = SocketType::stream;
  SocketState state = SocketState::unbound_or_connected;
  std::uint64_t inode = 0;
  std::string name;  ///< of an abstract name, each NUL is '@', also the first
};

/// The lines that have a name. A connection that nobody has accepted has the name of the listening
/// socket, and inode zero.
std::vector<UnixLine> parse_unix_sockets(std::string_view text);

/// What /proc/PID/status shows. Ids are those that decide about files.
struct ProcessStatus {
  std::string name;
  std::int32_t traced_by = 0;
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
  std::vector<std::uint32_t> groups;
  std::uint64_t capabilities = 0;  ///< those in effect, as bits
  bool no_new_privileges = false;
  int seccomp = 0;
  std::optional<unsigned> umask;
};

/// @return nullopt if there are no ids in it
std::optional<ProcessStatus> parse_status(std::string_view text);

/// Of /proc/PID/stat.
struct ProcessStat {
  std::string name;
  char state = '?';
  std::uint64_t start = 0;  ///< in clock ticks since the machine was started
};
std::optional<ProcessStat> parse_stat(std::string_view text);

/// The limits on open files in /proc/PID/limits; "unlimited" is the largest number.
struct DescriptorLimits {
  std::optional<std::uint64_t> soft;
  std::optional<std::uint64_t> hard;
};
DescriptorLimits parse_descriptor_limits(std::string_view text);

/// Of /proc/PID/cgroup: the path in the unified hierarchy, else in that of systemd; empty: none.
std::string parse_cgroup(std::string_view text);
/// The unit of systemd that a cgroup belongs to: "app.service"; empty: none.
std::string unit_of_cgroup(std::string_view path);

/// The pid that holds a lock by flock(2) on a file, by /proc/locks; nullopt: no process that we
/// see.
std::optional<std::int32_t> lock_holder_in(std::string_view locks, std::uint32_t major,
                                           std::uint32_t minor, std::uint64_t inode);

/// The value of system.posix_acl_access.
std::vector<AclEntry> parse_acl(std::string_view value);

/// Whether /proc/PID/uid_map or gid_map maps every id.
bool maps_every_id(std::string_view text);

/// A variable in /proc/PID/environ.
std::optional<std::string> variable_in(std::string_view environment, std::string_view name);

/// The inodes of what an epoll instance waits for, by /proc/PID/fdinfo/N.
std::vector<std::uint64_t> parse_watched(std::string_view text);

/// The words of a text, separated by any of `separators`.
std::vector<std::string_view> split(std::string_view text, std::string_view separators);

}  // namespace hallway::net
