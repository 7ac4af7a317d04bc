// SPDX-License-Identifier: Apache-2.0
//
// What /proc shows about processes. A process may end at any moment, and /proc may be hidden in
// part or missing: what is not there is left unset.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "net/diagnosis/accounts.hpp"
#include "net/diagnosis/evidence.hpp"
#include "net/diagnosis/kernel_text.hpp"
#include "sys/expected.hpp"

namespace hallway::net {

using Clock = std::chrono::steady_clock;

/// "/proc/PID/name"; of this thread if `pid` is zero, and "/proc/name" if it is negative.
std::string proc_file(std::int32_t pid, std::string_view name);
/// The text of such a file; empty if it cannot be read.
std::string proc_text(std::int32_t pid, std::string_view name);
/// The target of such a link.
sys::Expected<std::string> proc_link(std::int32_t pid, std::string_view name);

/// What processes with the same mounts have in common: their mount namespace. Where that is not
/// ours to read it is the cgroup, because the processes of a unit or container have the same
/// mounts.
std::string mounts_key(std::int32_t pid);

/// A descriptor of a process that is the socket looked for.
struct Holding {
  std::int32_t pid = 0;
  std::string descriptor;
};

/// Which processes have sockets open, by the inode of the socket.
struct Holders {
  std::map<std::uint64_t, std::vector<Holding>> of;
  std::size_t hidden = 0;  ///< processes whose descriptors are not ours to read
  bool cut_short = false;  ///< time was up before all were looked at
};

/// All processes that /proc shows, in the order of their pids.
std::vector<std::int32_t> all_processes();

/// Looks through the descriptors of `pids`, until `until`.
Holders find_holders(const std::vector<std::int32_t>& pids, const std::set<std::uint64_t>& sockets,
                     Clock::time_point until);

/// What everybody may see of a process, and of ours more.
Process look_at_process(std::int32_t pid, Accounts& accounts);

/// Whether one of its epoll instances has the socket, or a thread waits in accept(2) for it.
std::optional<bool> watches(const std::vector<Holding>& holdings, std::int32_t pid,
                            std::uint64_t socket);

/// A number that is different for each network namespace; nullopt: not to be seen.
std::optional<std::uint64_t> network_of(std::int32_t pid);

/// The mounts of a process; empty if they cannot be read.
std::vector<Mount> mounts_of(std::int32_t pid);
/// Whether two processes with these mounts have no mount in common: every mount has a number of its
/// own.
bool are_of_other_namespaces(const std::vector<Mount>& one, const std::vector<Mount>& other);
/// The last mount whose point is `path` or above it.
const Mount* mount_above(const std::vector<Mount>& mounts, std::string_view path);
/// Whether `directory` is `path` or above it.
bool is_above(std::string_view directory, std::string_view path);

/// The number of descriptors a process has open.
std::optional<std::uint64_t> count_descriptors(std::int32_t pid);
std::vector<DescriptorCount> descriptors_by_kind(std::int32_t pid);

/// What a service manager left in an environment.
std::optional<Activation> activation_in(std::optional<std::string> pid,
                                        std::optional<std::string> descriptors,
                                        std::optional<std::string> names);

}  // namespace hallway::net
