// SPDX-License-Identifier: Apache-2.0
//
// Why a server cannot bind: in the order in which bind(2) looks.
#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include <hallway/bytes.hpp>

#include "net/diagnosis/explain_file.hpp"
#include "net/diagnosis/explain_parts.hpp"
#include "net/diagnosis/explain_permission.hpp"
#include "net/diagnosis/permissions.hpp"
#include "net/diagnosis/words.hpp"

namespace hallway::net {

namespace {

constexpr unsigned sticky_bit = 01000;

// --- something has the name ---------------------------------------------------------------------

/// The live process that holds the name, by its socket, else by its lock.
const Process* holder_of(const Evidence& evidence) {
  for (const SocketEntry* const socket : reachable_sockets(evidence)) {
    const auto alive = std::ranges::find_if(socket->holders, &Process::alive);
    if (alive != socket->holders.end()) return &*alive;
  }
  const auto servers = servers_of(evidence);
  if (!servers.empty()) return servers.front();
  if (const Process* const connected = holder_of_connected(evidence)) return connected;
  const auto& holder = evidence.place.lock_holder;
  return holder && holder->alive ? &*holder : nullptr;
}

std::string end_words(const Process& process) {
  if (process.unit.ends_with(".service") && !process.unit.starts_with("user@")) {
    return "systemctl stop " + shell_quoted(process.unit);
  }
  return "kill " + std::to_string(process.pid);
}

Finding in_use(const Evidence& evidence) {
  const Process* const holder = holder_of(evidence);
  const auto sockets = reachable_sockets(evidence);
  std::vector<std::string> lines;
  lines.reserve(sockets.size());
  for (const SocketEntry* const socket : sockets) lines.push_back(line_for(*socket));
  const std::string by = holder == nullptr ? "a live server" : detailed_words(*holder);
  return finding("name_in_use", Certainty::certain, words(evidence.address) + " is in use by " + by,
                 (holder == nullptr ? "stop it" : end_words(*holder)) +
                     ", or take its place: a Hallway server's --takeover",
                 std::move(lines));
}

Finding mounted(const PathStep& name) {
  return finding(
      "mount_point_there", Certainty::certain,
      "something is mounted on " + shown(name.path) + ": the name is taken, and cannot be removed",
      "umount " + shell_quoted(name.path) + ", or bind beside it and mount directories");
}

Finding taken(const PathStep& name) {
  if (name.kind == StepKind::symlink) {
    return finding("name_taken", Certainty::certain,
                   shown(name.path) + " is a symbolic link to " + shown(name.target) +
                       ": bind does not follow it",
                   "rm " + shell_quoted(name.path) + ", or bind " + shown(name.target));
  }
  return finding(
      "name_taken", Certainty::certain,
      shown(name.path) + " is " + std::string(words(name.kind)) + ", which bind does not replace",
      "choose another name, or move what is there away");
}

/// The file of a server that has ended can only be replaced by a subject that may remove it.
void explain_sticky(const Evidence& evidence, const PathStep& name, Conclusions& found) {
  const PathStep* const parent = parent_of(evidence);
  const Subject& subject = evidence.subject;
  const bool protects = parent != nullptr && (parent->mode & sticky_bit) != 0 &&
                        parent->owner != subject.uid && name.owner != subject.uid &&
                        !subject.owns_everything;
  if (!protects) return;
  found.stops.push_back(
      finding("sticky_directory", Certainty::certain,
              "permission denied: " + words(subject) + " may not delete " + shown(name.path) +
                  " of " + owner_words(name) + ": " + shown(parent->path) + " is sticky (" +
                  mode_words(parent->mode) + ")",
              "bind in another directory, such as one of the server's own in /run"));
}

void explain_name(const Evidence& evidence, const PathStep& name, Conclusions& found) {
  if (name.kind == StepKind::missing || name.error == ENOENT) return;
  if (name.kind == StepKind::socket && is_alive(evidence)) {
    found.stops.push_back(in_use(evidence));
  } else if (name.mount_point) {
    found.stops.push_back(mounted(name));
  } else if (name.kind == StepKind::socket) {
    // A server of Hallway replaces it.
    found.odd.push_back(evidence.connected.empty() ? stale_file(evidence)
                                                   : explain_connected_sockets(evidence));
    explain_sticky(evidence, name, found);
  } else {
    found.stops.push_back(taken(name));
  }
}

// --- the directory ------------------------------------------------------------------------------

Finding read_only(const Evidence& evidence, const PathStep* parent) {
  const std::string& unit = evidence.subject.unit;
  std::string sentence = (parent == nullptr ? std::string("the directory") : shown(parent->path)) +
                         " is on a file system that is mounted read-only";
  const bool hardened = evidence.subject.other_mounts && !unit.empty();
  if (hardened) sentence += " for " + printable(unit) + ", as ProtectSystem=strict does";
  return finding("read_only_file_system", Certainty::certain, sentence,
                 "bind in /run: RuntimeDirectory= in the unit makes a directory there");
}

Finding not_writable(const Evidence& evidence, const PathStep* parent) {
  const std::string directory = parent == nullptr ? "the directory" : shown(parent->path);
  Finding denied = finding(
      "directory_not_writable", Certainty::certain,
      "permission denied: " + words(evidence.subject) + " may not make files in " + directory,
      evidence.subject.unit.ends_with(".service")
          ? "bind in a directory of its own: RuntimeDirectory= in " +
                printable(evidence.subject.unit)
          : "bind in a directory that " + user_words(evidence.subject) + " may write to");
  if (parent != nullptr) denied.evidence = walk_lines(evidence);
  return denied;
}

bool holds_no_sockets(const Mount& mount) {
  constexpr std::array<std::string_view, 12> types{"sysfs", "proc",    "vfat",     "msdos",
                                                   "exfat", "cgroup",  "cgroup2",  "debugfs",
                                                   "bpf",   "tracefs", "configfs", "efivarfs"};
  return std::ranges::find(types, mount.type) != types.end();
}

Finding without_sockets(const PathStep* parent, Certainty certainty) {
  const bool known = parent != nullptr && parent->mount.has_value();
  return finding("file_system_without_sockets", certainty,
                 (parent == nullptr ? std::string("the directory") : shown(parent->path)) +
                     " is on a file system that cannot hold sockets" +
                     (known ? ": " + printable(parent->mount->type) : ""),
                 "bind in /run");
}

Finding shared(const PathStep& parent) {
  return finding("shared_file_system", Certainty::possible,
                 shown(parent.path) + " is on a shared file system (" +
                     printable(parent.mount->type) +
                     "): it may refuse sockets, and other machines cannot connect to them",
                 "bind in /run, and forward the socket to the other machine (ssh -L, vsock)");
}

Finding no_space(const PathStep* parent) {
  return finding("no_free_inodes", Certainty::certain,
                 "the file system of " +
                     (parent == nullptr ? std::string("the directory") : shown(parent->path)) +
                     " has no inode or space left",
                 "free some: df -i " + (parent == nullptr ? "." : shell_quoted(parent->path)));
}

Finding immutable(const PathStep& parent) {
  return finding("directory_immutable", Certainty::certain,
                 shown(parent.path) + " is immutable: not even root may make a file in it",
                 "chattr -i " + shell_quoted(parent.path) + ", or bind in another directory",
                 {"lsattr -d " + shell_quoted(parent.path) + " shows an i"});
}

Finding by_error(const Evidence& evidence, const PathStep* parent, int error) {
  switch (error) {
    case EROFS: return read_only(evidence, parent);
    case EACCES: return not_writable(evidence, parent);
    case ENOSPC: return no_space(parent);
    case EDQUOT:
      return finding("quota_exceeded", Certainty::certain,
                     "the quota of " + user_words(evidence.subject) + " is used up",
                     "free files of that user: quota -s");
    case EPERM:
    case EOPNOTSUPP:
    case EIO: return without_sockets(parent, Certainty::likely);
    default: break;
  }
  return finding("unexplained", Certainty::possible,
                 "the directory refuses new files: " + error_words(error));
}

void explain_place(const Evidence& evidence, Conclusions& found) {
  const PathStep* const parent = parent_of(evidence);
  const bool mounted = parent != nullptr && parent->mount.has_value();
  if (parent != nullptr && parent->immutable) {
    found.stops.push_back(immutable(*parent));
  } else if (mounted && holds_no_sockets(*parent->mount)) {
    found.stops.push_back(without_sockets(parent, Certainty::certain));
  } else if (evidence.place.write_error != 0) {
    found.stops.push_back(by_error(evidence, parent, evidence.place.write_error));
  }
  if (evidence.place.free_inodes == 0U && evidence.place.write_error != ENOSPC) {
    found.stops.push_back(no_space(parent));
  }
  if (mounted && is_shared_file_system(*parent->mount)) found.odd.push_back(shared(*parent));
}

// --- a server of Hallway ------------------------------------------------------------------------

void explain_lock(const Evidence& evidence, Conclusions& found) {
  const auto& holder = evidence.place.lock_holder;
  if (!holder || !holder->alive || is_alive(evidence)) return;
  const bool is_ours =
      evidence.subject.kind != Subject::Kind::user && holder->pid == evidence.subject.pid;
  if (is_ours) return;
  found.stops.push_back(
      finding("lock_held", Certainty::certain,
              "another process holds the lock of the name and has no socket there: " +
                  detailed_words(*holder),
              "wait until it has ended, or end it with kill " + std::to_string(holder->pid)));
}

/// Umask 0022 is what everybody has.
void note_umask(const Evidence& evidence, Conclusions& found) {
  constexpr unsigned usual = 0022;
  const unsigned umask = evidence.place.umask & 0777U;
  if ((umask & ~usual) == 0) return;
  found.odd.push_back(
      finding("umask_narrows_mode", Certainty::certain,
              "with umask " + mode_words(umask) + " a new socket file has mode " +
                  mode_words(0777U & ~umask) + " unless the server sets one",
              "set the mode before bind with fchmod, as a Hallway server does (--mode 0660)"));
}

}  // namespace

void explain_bind(const Evidence& evidence, Conclusions& found) {
  if (evidence.address.kind() == Address::Kind::abstract) {
    if (!reachable_sockets(evidence).empty()) found.stops.push_back(in_use(evidence));
    return;
  }
  const PathStep* const name = own_name_of(evidence);
  if (explain_walk(evidence, found) && name != nullptr) {
    explain_name(evidence, *name, found);
    explain_place(evidence, found);
    explain_lock(evidence, found);
    note_umask(evidence, found);
  } else if (found.stops.empty()) {
    found.stops.push_back(
        finding("unexplained", Certainty::possible, "the path could not be looked at to its end"));
  }
  note_long_path(evidence, found);
}

}  // namespace hallway::net
