// SPDX-License-Identifier: Apache-2.0
//
// The server lives, and the name does not lead to its socket: the file was deleted, or the server
// sees other mounts.
#include <algorithm>
#include <optional>
#include <utility>

#include <hallway/bytes.hpp>

#include "net/diagnosis/explain_parts.hpp"
#include "net/diagnosis/words.hpp"

namespace hallway::net {

namespace {

/// A live socket of the same path, and the mount of its process that has its file.
struct Elsewhere {
  const SocketEntry* socket = nullptr;
  const Mount* mount = nullptr;
  const Process* holder = nullptr;
  const Process* neighbour = nullptr;  ///< without a holder: a process that has the same mounts

  [[nodiscard]] const Process* process() const { return holder != nullptr ? holder : neighbour; }
};

std::optional<Elsewhere> live_elsewhere(const Evidence& evidence) {
  for (std::size_t at = 0; at < evidence.elsewhere.size(); ++at) {
    const SocketEntry& socket = evidence.elsewhere[at];
    // A relative name alone does not show that the same file is meant.
    const bool serves =
        socket.state == SocketState::listening || socket.type == SocketType::datagram;
    if (!serves || !socket.name.starts_with('/')) continue;
    Elsewhere found{&socket, nullptr, nullptr, nullptr};
    if (at < evidence.elsewhere_mounts.size() && evidence.elsewhere_mounts[at].id != 0) {
      found.mount = &evidence.elsewhere_mounts[at];
    }
    const auto holder = std::ranges::find_if(socket.holders, &Process::alive);
    if (holder != socket.holders.end()) {
      found.holder = &*holder;
    } else if (socket.in_mounts_of) {
      found.neighbour = &*socket.in_mounts_of;
    }
    return found;
  }
  return std::nullopt;
}

/// Whether the socket's file is, or was, on the file system of the directory that the path names;
/// nullopt: not known.
std::optional<bool> is_same_file_system(const Evidence& evidence, const SocketEntry& socket) {
  // If the directory is gone as well: the one above.
  const PathStep* parent = nullptr;
  for (const PathStep& step : evidence.steps) {
    if (step.kind == StepKind::directory && !step.last) parent = &step;
  }
  if (parent == nullptr || !parent->mount || !socket.file_major || !socket.file_minor) {
    return std::nullopt;
  }
  return parent->mount->major == *socket.file_major && parent->mount->minor == *socket.file_minor;
}

bool is_in_tmp(const std::string& path) {
  return is_below(path, "/tmp") || is_below(path, "/var/tmp");
}

std::string unit_of(const Elsewhere& there) {
  return there.process() == nullptr ? std::string() : there.process()->unit;
}

std::string server_words(const Elsewhere& there) {
  if (there.holder != nullptr) return words(*there.holder);
  const std::string unit = unit_of(there);
  if (!unit.empty()) return "a process of " + printable(unit);
  return there.neighbour == nullptr ? "the server" : "a process beside " + words(*there.neighbour);
}

std::vector<std::string> lines_for(const Elsewhere& there) {
  std::vector<std::string> lines{line_for(*there.socket)};
  if (there.mount != nullptr) {
    lines.push_back("it is on the mount " + shown(there.mount->point) + " of that process: " +
                    printable(there.mount->type) + " " + shown(there.mount->root));
  }
  return lines;
}

Finding private_tmp(const Evidence& evidence, const Elsewhere& there) {
  const std::string unit = unit_of(there);
  const std::string file = evidence.address.name().substr(evidence.address.name().rfind('/') + 1);
  const std::string directory =
      unit.ends_with(".service") ? unit.substr(0, unit.size() - 8) : "app";
  return finding(
      "server_private_tmp", there.mount != nullptr ? Certainty::certain : Certainty::likely,
      server_words(there) + " has a private /tmp, and " + words(evidence.address) +
          " is in that one",
      "PrivateTmp=yes" + (unit.empty() ? "" : " in " + printable(unit)) +
          " causes it: move the socket to /run (RuntimeDirectory=" + shell_quoted(directory) +
          ", " + shell_quoted("/run/" + directory + "/" + file) + ")",
      lines_for(there));
}

Finding other_mounts(const Evidence& evidence, const Elsewhere& there) {
  return finding("server_other_mounts",
                 there.mount != nullptr ? Certainty::certain : Certainty::likely,
                 server_words(there) + " has other mounts, and " + words(evidence.address) +
                     " is on one that is not here",
                 "make the socket in a directory that both have: a volume of the container, or "
                 "BindPaths= in the unit",
                 lines_for(there));
}

Finding other_root(const Evidence& evidence, const Elsewhere& there) {
  const std::string path = there.holder->root + evidence.address.name();
  return finding("other_root", Certainty::certain,
                 server_words(there) + " has the root directory " + shown(there.holder->root) +
                     ", and bound " + words(evidence.address) + " below it",
                 "connect to " + shell_quoted(path), lines_for(there));
}

/// Whether a process that sees other mounts than we do has another directory at the path. The same
/// file system may be mounted in several places, each with another of its directories.
bool is_other_directory(const Evidence& evidence, const Elsewhere& there) {
  if (there.mount == nullptr || there.holder == nullptr || !there.holder->other_mounts) {
    return false;
  }
  const PathStep* above = nullptr;
  for (const PathStep& step : evidence.steps) {
    if (step.kind == StepKind::directory && !step.last && step.mount) above = &step;
  }
  return above != nullptr &&
         (above->mount->root != there.mount->root || above->mount->point != there.mount->point);
}

/// The process cannot be seen, so neither can its root directory and its mounts.
Finding perhaps_deleted(const Evidence& evidence, const Elsewhere& there) {
  return finding("name_deleted", Certainty::possible,
                 server_words(there) + " lives, and its socket file " + words(evidence.address) +
                     " was deleted or replaced, or is below another root directory or mount",
                 evidence.cut_short ? "look again when the machine is less busy"
                                    : "look again as root, which sees where it is",
                 lines_for(there));
}

Finding deleted(const Evidence& evidence, const Elsewhere& there, bool same) {
  const PathStep* const target = target_of(evidence);
  const bool is_there = target != nullptr && target->kind != StepKind::missing;
  const std::string directory = directory_of(evidence.address.name());
  return finding(
      "name_deleted", same ? Certainty::certain : Certainty::likely,
      server_words(there) + " lives, and its socket file " + words(evidence.address) +
          (is_there ? " was replaced" : " was deleted"),
      restart_words(unit_of(there)) +
          (is_in_tmp(directory)
               ? "; keep the socket out of " + shown(directory) +
                     ", where old files are removed: use /run, or an x line in tmpfiles.d"
               : ""),
      lines_for(there));
}

}  // namespace

std::optional<Finding> explain_elsewhere(const Evidence& evidence) {
  if (evidence.address.kind() != Address::Kind::path) return std::nullopt;
  const auto there = live_elsewhere(evidence);
  if (!there) return std::nullopt;
  if (there->holder != nullptr && there->holder->root.size() > 1) {
    return other_root(evidence, *there);
  }
  const auto same = is_same_file_system(evidence, *there->socket);
  if (same == true) {
    if (there->holder == nullptr) return perhaps_deleted(evidence, *there);
    return is_other_directory(evidence, *there) ? other_mounts(evidence, *there)
                                                : deleted(evidence, *there, true);
  }
  const Process* const process = there->process();
  const bool tmp = process != nullptr && process->private_tmp;
  if (tmp && is_in_tmp(evidence.address.name())) return private_tmp(evidence, *there);
  const bool apart = there->neighbour != nullptr || (process != nullptr && process->other_mounts);
  if (apart || (same == false && there->mount != nullptr)) return other_mounts(evidence, *there);
  return there->holder == nullptr ? perhaps_deleted(evidence, *there)
                                  : deleted(evidence, *there, false);
}

}  // namespace hallway::net
