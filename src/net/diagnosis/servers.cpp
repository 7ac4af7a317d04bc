// SPDX-License-Identifier: Apache-2.0
#include "net/diagnosis/servers.hpp"

#include <algorithm>
#include <cerrno>
#include <map>
#include <set>

namespace hallway::net {

namespace {

// A server with more processes than this is looked at in part.
constexpr std::size_t most_holders = 16;

template <typename Visit>
void for_each_entry(Evidence& evidence, const Visit& visit) {
  for (auto* entries :
       {&evidence.sockets, &evidence.elsewhere, &evidence.in_layers, &evidence.connected}) {
    for (SocketEntry& entry : *entries) visit(entry);
  }
}

std::string count_words(std::size_t count) {
  return count == 1 ? "1 process" : std::to_string(count) + " processes";
}

/// 1 if the first process, which accepts no clients itself, is hidden from us: in a container even
/// root may not look at it.
std::size_t hidden_init() {
  const auto descriptor = proc_link(1, "fd/0");
  return !descriptor && descriptor.error() == EACCES ? 1 : 0;
}

void note_hidden(Look& look) {
  if (!look.shows_all_processes) {
    look.miss("processes of other users (/proc is mounted with hidepid)");
  }
  const bool unknown = std::ranges::any_of(
      look.evidence.sockets, [](const SocketEntry& entry) { return entry.holders.empty(); });
  if (look.holders.hidden > 0 && unknown) {
    look.miss("the descriptors of " + count_words(look.holders.hidden) +
              ", which are not ours to read");
  }
  if (look.holders.cut_short) {
    look.evidence.cut_short = true;
    look.miss("the descriptors of some processes (there was no time)");
  }
}

const Mount* mount_of_device(const std::vector<Mount>& mounts, const SocketEntry& entry) {
  const Mount* best = nullptr;
  for (const Mount& mount : mounts) {
    const bool same = entry.file_major == mount.major && entry.file_minor == mount.minor;
    const bool above = !entry.name.starts_with('/') || is_above(mount.point, entry.name);
    if (same && above && (best == nullptr || mount.point.size() >= best->point.size())) {
      best = &mount;
    }
  }
  return best;
}

/// Looks for a process that has the device of `entry` mounted, and we have not.
Mount find_mount_elsewhere(Look& look, SocketEntry& entry, Clock::time_point until) {
  std::set<std::string> seen;
  for (const std::int32_t pid : look.all()) {
    if (Clock::now() >= until) {
      look.evidence.cut_short = true;
      look.miss("the mounts of some processes (there was no time)");
      return {};
    }
    if (!seen.insert(mounts_key(pid)).second) continue;
    const auto mounts = mounts_of(pid);
    if (const Mount* const mount = mount_of_device(mounts, entry)) {
      entry.in_mounts_of = look_at_process(pid, look.accounts);
      return *mount;
    }
  }
  return {};
}

Mount mount_elsewhere(Look& look, SocketEntry& entry, Clock::time_point until) {
  if (!entry.file_major) return {};
  for (const Process& holder : entry.holders) {
    const auto mounts = mounts_of(holder.pid);
    if (const Mount* const mount = mount_of_device(mounts, entry)) return *mount;
  }
  if (const Mount* const ours = mount_of_device(look.our_mounts, entry)) return *ours;
  return entry.holders.empty() ? find_mount_elsewhere(look, entry, until) : Mount{};
}

}  // namespace

void look_at_holders(Look& look, Clock::time_point until) {
  std::set<std::uint64_t> sockets;
  for_each_entry(look.evidence, [&](const SocketEntry& entry) { sockets.insert(entry.inode); });
  if (sockets.empty()) return;
  look.holders = find_holders(look.all(), sockets, until);
  std::map<std::int32_t, Process> known;
  const bool all_seen =
      look.holders.hidden <= hidden_init() && !look.holders.cut_short && look.shows_all_processes;
  for_each_entry(look.evidence, [&](SocketEntry& entry) {
    entry.holders_in_part = !all_seen;
    for (const Holding& holding : look.holders.of[entry.inode]) {
      const bool twice =
          std::ranges::find(entry.holders, holding.pid, &Process::pid) != entry.holders.end();
      if (twice) continue;
      if (entry.holders.size() == most_holders) {
        entry.holders_in_part = true;
        break;
      }
      const auto [process, is_new] = known.try_emplace(holding.pid);
      if (is_new) process->second = look_at_process(holding.pid, look.accounts);
      entry.holders.push_back(process->second);
    }
  });
  note_hidden(look);
}

void look_at_mounts_elsewhere(Look& look, Clock::time_point until) {
  for (SocketEntry& entry : look.evidence.elsewhere) {
    look.evidence.elsewhere_mounts.push_back(mount_elsewhere(look, entry, until));
  }
}

void look_whether_watched(Look& look) {
  SocketEntry* const listening = listening_socket(look.evidence);
  if (listening == nullptr) return;
  const auto& probe = look.evidence.probe;
  const bool somebody_waits = listening->waiting > 0 || (probe && probe->accepted == false);
  if (!somebody_waits) return;
  const auto& holdings = look.holders.of[listening->inode];
  for (Process& holder : listening->holders) {
    holder.watches_listener = watches(holdings, holder.pid, listening->inode);
  }
}

SocketEntry* listening_socket(Evidence& evidence) {
  const auto found =
      std::ranges::find(evidence.sockets, SocketState::listening, &SocketEntry::state);
  return found == evidence.sockets.end() ? nullptr : &*found;
}

bool is_held_by_service_manager(const SocketEntry& entry) {
  return !entry.holders.empty() && std::ranges::all_of(entry.holders, [](const Process& holder) {
    return holder.pid == 1 || holder.command == "systemd";
  });
}

}  // namespace hallway::net
