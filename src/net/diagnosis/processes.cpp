// SPDX-License-Identifier: Apache-2.0
#include "net/diagnosis/processes.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <tuple>

#include <hallway/limits.hpp>

#include "core/number.hpp"
#include "net/diagnosis/thread_calls.hpp"
#include "sys/file.hpp"
#include "sys/inspect.hpp"
#include "sys/process.hpp"

namespace hallway::net {

namespace {

// The file of a process's mounts is the largest: a machine with many containers has thousands.
constexpr std::size_t most_text = 4 * mebibyte;
constexpr std::size_t most_descriptors = 65536;

std::optional<std::uint64_t> socket_in_link(std::string_view target) {
  constexpr std::string_view prefix = "socket:[";
  if (!target.starts_with(prefix) || !target.ends_with(']')) return std::nullopt;
  target.remove_prefix(prefix.size());
  target.remove_suffix(1);
  return core::parse_number<std::uint64_t>(target);
}

/// Visits the names and the targets of a process's descriptors.
template <typename Visit>
sys::Expected<void> for_each_descriptor(std::int32_t pid, const Visit& visit) {
  const auto directory = sys::open_for_listing(AT_FDCWD, proc_file(pid, "fd"));
  if (!directory) return std::unexpected(directory.error());
  const auto entries = sys::list_directory(*directory, most_descriptors);
  if (!entries) return std::unexpected(entries.error());
  for (const auto& entry : *entries) {
    const auto target = sys::read_link(directory->get(), entry.name);
    if (target) visit(entry.name, *target);
  }
  return {};
}

std::optional<std::chrono::seconds> age_of(const ProcessStat& stat) {
  std::string_view uptime;
  const std::string text = proc_text(-1, "uptime");
  uptime = std::string_view(text).substr(0, text.find('.'));
  const auto seconds = core::parse_number<std::uint64_t>(uptime);
  const auto ticks_per_second = static_cast<std::uint64_t>(std::max(1L, ::sysconf(_SC_CLK_TCK)));
  const std::uint64_t started = stat.start / ticks_per_second;
  if (!seconds || *seconds < started) return std::nullopt;
  return std::chrono::seconds(*seconds - started);
}

bool is_frozen(const std::string& cgroup) {
  if (cgroup.size() <= 1) return false;
  // The second is where systemd mounts it beside the hierarchies of version 1.
  for (const std::string root : {"/sys/fs/cgroup", "/sys/fs/cgroup/unified"}) {
    const auto events = sys::read_whole(root + cgroup + "/cgroup.events", kibibyte);
    if (events) return events->contains("frozen 1");
  }
  return false;
}

void take_status(std::int32_t pid, Accounts& accounts, Process& process) {
  const auto status = parse_status(proc_text(pid, "status"));
  if (!status) return;
  process.uid = status->uid;
  process.user = accounts.user_name(status->uid);
  process.traced_by = status->traced_by;
  if (process.traced_by == 0) return;
  const auto tracer = parse_stat(proc_text(process.traced_by, "stat"));
  if (tracer) process.traced_by_command = tracer->name;
}

void take_namespaces(std::int32_t pid, Process& process) {
  const auto theirs = mounts_of(pid);
  const auto ours = mounts_of(0);
  process.other_mounts = are_of_other_namespaces(ours, theirs);
  if (process.other_mounts) {
    const Mount* const here = mount_above(ours, "/tmp");
    const Mount* const there = mount_above(theirs, "/tmp");
    process.private_tmp = here != nullptr && there != nullptr &&
                          std::tie(here->major, here->minor, here->root, here->point) !=
                              std::tie(there->major, there->minor, there->root, there->point);
  }
  const auto network = network_of(pid);
  process.other_network = network && network != network_of(0);
}

std::string kind_of_link(std::string_view target) {
  if (target.starts_with("socket:[")) return "sockets";
  if (target.starts_with("pipe:[")) return "pipes";
  if (target.starts_with("anon_inode:")) return "event descriptors";
  if (target.starts_with("/memfd:")) return "memory files";
  if (target.starts_with("/dev/")) return "devices";
  return target.starts_with('/') ? "files and directories" : "others";
}

}  // namespace

std::string proc_file(std::int32_t pid, std::string_view name) {
  std::string path = "/proc/";
  if (pid == 0) path += "thread-self/";
  if (pid > 0) path += std::to_string(pid) + "/";
  return path.append(name);
}

std::string proc_text(std::int32_t pid, std::string_view name) {
  return sys::read_whole(proc_file(pid, name), most_text).value_or(std::string());
}

sys::Expected<std::string> proc_link(std::int32_t pid, std::string_view name) {
  return sys::read_link(AT_FDCWD, proc_file(pid, name));
}

std::vector<std::int32_t> all_processes() {
  std::vector<std::int32_t> pids;
  const auto directory = sys::open_for_listing(AT_FDCWD, "/proc");
  const auto entries =
      directory ? sys::list_directory(*directory, mebibyte) : std::unexpected(directory.error());
  if (!entries) return pids;
  for (const auto& entry : *entries) {
    if (const auto pid = core::parse_number<std::int32_t>(entry.name)) pids.push_back(*pid);
  }
  std::ranges::sort(pids);
  return pids;
}

Holders find_holders(const std::vector<std::int32_t>& pids, const std::set<std::uint64_t>& sockets,
                     Clock::time_point until) {
  Holders holders;
  for (const std::int32_t pid : pids) {
    if (Clock::now() >= until) {
      holders.cut_short = true;
      break;
    }
    const auto looked =
        for_each_descriptor(pid, [&](const std::string& name, const std::string& target) {
          const auto socket = socket_in_link(target);
          if (socket && sockets.contains(*socket)) holders.of[*socket].push_back({pid, name});
        });
    if (!looked && looked.error() == EACCES) ++holders.hidden;
  }
  return holders;
}

Process look_at_process(std::int32_t pid, Accounts& accounts) {
  Process process;
  process.pid = pid;
  const auto stat = parse_stat(proc_text(pid, "stat"));
  if (!stat) {
    // Without /proc, or with a part of it hidden, the number alone shows whether there is one.
    const auto found = sys::open_pidfd(pid);
    process.alive = found.has_value() || found.error() != ESRCH;
    return process;
  }
  process.command = stat->name;
  process.state = stat->state;
  process.alive = stat->state != 'Z' && stat->state != 'X';
  process.age = age_of(*stat);
  take_status(pid, accounts, process);
  const std::string waits_in = proc_text(pid, "wchan");
  if (waits_in != "0") process.waits_in = waits_in;
  const std::string cgroup = parse_cgroup(proc_text(pid, "cgroup"));
  process.unit = unit_of_cgroup(cgroup);
  process.frozen = is_frozen(cgroup);
  process.open_descriptors = count_descriptors(pid);
  const DescriptorLimits limits = parse_descriptor_limits(proc_text(pid, "limits"));
  process.descriptor_limit = limits.soft;
  process.descriptor_hard_limit = limits.hard;
  take_namespaces(pid, process);
  process.working_directory = proc_link(pid, "cwd").value_or(std::string());
  process.root = proc_link(pid, "root").value_or(std::string());
  const std::string environment = proc_text(pid, "environ");
  process.activation =
      activation_in(variable_in(environment, "LISTEN_PID"), variable_in(environment, "LISTEN_FDS"),
                    variable_in(environment, "LISTEN_FDNAMES"));
  return process;
}

std::optional<bool> watches(const std::vector<Holding>& holdings, std::int32_t pid,
                            std::uint64_t socket) {
  std::vector<std::string> descriptors;
  for (const Holding& holding : holdings) {
    if (holding.pid == pid) descriptors.push_back(holding.descriptor);
  }
  return attention_of(pid).accepts(socket, descriptors);
}

// The kernel makes a file of its own for each network namespace, with an inode number of its own.
// The links in /proc/PID/ns are for the process's own user alone.
std::optional<std::uint64_t> network_of(std::int32_t pid) {
  const auto file = sys::details_at(proc_file(pid, "net/unix"));
  return file ? std::optional(file->inode) : std::nullopt;
}

std::string mounts_key(std::int32_t pid) {
  const auto namespace_link = proc_link(pid, "ns/mnt");
  return namespace_link ? *namespace_link : proc_text(pid, "cgroup");
}

std::vector<Mount> mounts_of(std::int32_t pid) { return parse_mounts(proc_text(pid, "mountinfo")); }

bool are_of_other_namespaces(const std::vector<Mount>& one, const std::vector<Mount>& other) {
  if (one.empty() || other.empty()) return false;
  std::set<std::uint64_t> ids;
  for (const Mount& mount : one) ids.insert(mount.id);
  return std::ranges::none_of(other, [&](const Mount& mount) { return ids.contains(mount.id); });
}

bool is_above(std::string_view directory, std::string_view path) {
  if (directory == "/") return path.starts_with('/');
  return path.starts_with(directory) &&
         (path.size() == directory.size() || path[directory.size()] == '/');
}

const Mount* mount_above(const std::vector<Mount>& mounts, std::string_view path) {
  const Mount* best = nullptr;
  for (const Mount& mount : mounts) {
    const bool closer = best == nullptr || mount.point.size() >= best->point.size();
    if (closer && is_above(mount.point, path)) best = &mount;
  }
  return best;
}

std::optional<std::uint64_t> count_descriptors(std::int32_t pid) {
  const auto directory = sys::details_at(proc_file(pid, "fd"));
  if (!directory) return std::nullopt;
  if (directory->size > 0) return directory->size;
  // Before Linux 6.2 it shows no size.
  const auto opened = sys::open_for_listing(AT_FDCWD, proc_file(pid, "fd"));
  const auto entries =
      opened ? sys::list_directory(*opened, most_descriptors) : std::unexpected(opened.error());
  return entries ? std::optional<std::uint64_t>(entries->size()) : std::nullopt;
}

std::vector<DescriptorCount> descriptors_by_kind(std::int32_t pid) {
  std::vector<DescriptorCount> counts;
  const auto looked = for_each_descriptor(pid, [&](const std::string&, const std::string& target) {
    const std::string kind = kind_of_link(target);
    const auto known = std::ranges::find(counts, kind, &DescriptorCount::kind);
    if (known == counts.end()) {
      counts.push_back({.kind = kind, .count = 1});
    } else {
      ++known->count;
    }
  });
  if (!looked) return {};
  std::ranges::sort(counts, std::ranges::greater{}, &DescriptorCount::count);
  return counts;
}

std::optional<Activation> activation_in(std::optional<std::string> pid,
                                        std::optional<std::string> descriptors,
                                        std::optional<std::string> names) {
  if (!descriptors) return std::nullopt;
  Activation activation;
  if (pid) activation.pid = core::parse_number<std::int32_t>(*pid);
  activation.descriptors = core::parse_number<std::uint32_t>(*descriptors).value_or(0);
  if (names) {
    for (const std::string_view name : split(*names, ":")) activation.names.emplace_back(name);
  }
  return activation;
}

}  // namespace hallway::net
