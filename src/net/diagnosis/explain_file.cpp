// SPDX-License-Identifier: Apache-2.0
//
// The path leads to something, and no live socket is behind it.
#include "net/diagnosis/explain_file.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <optional>
#include <utility>

#include <hallway/bytes.hpp>

#include "net/diagnosis/explain_parts.hpp"
#include "net/diagnosis/words.hpp"

namespace hallway::net {

namespace {

using Answer = std::optional<Finding>;
using FileRule = Answer (*)(const Evidence&, const PathStep& file);

bool was_deleted(const PathStep& file) {
  return file.links == 0 || (file.mount && file.mount->root.ends_with("//deleted"));
}

Answer dead_mount(const Evidence&, const PathStep& file) {
  if (!file.mount_point || !was_deleted(file)) return std::nullopt;
  std::vector<std::string> lines;
  if (file.mount) {
    lines.push_back("mounted there: " + shown(file.mount->root) + " of " +
                    printable(file.mount->type));
  }
  return finding("dead_bind_mount", Certainty::certain,
                 "the socket file mounted on " + shown(file.path) +
                     " was deleted since it was mounted: the mount shows the old one",
                 "mount the directory instead of the file; until then restart the container",
                 std::move(lines));
}

std::string source_of(const Mount& overlay) {
  std::string text = printable(overlay.type) + " on " + shown(overlay.point);
  for (const std::string& option : overlay.options) {
    if (option.starts_with("upperdir=")) text += ", " + printable(option);
  }
  return text;
}

Answer overlay_above(const Evidence& evidence, const PathStep& file) {
  if (!evidence.layer_of) return std::nullopt;
  const bool seen = !evidence.in_layers.empty();
  std::vector<std::string> lines{source_of(*evidence.layer_of)};
  if (seen) lines.push_back(line_for(evidence.in_layers.front()));
  const std::string pid = std::to_string(evidence.layer_of_pid);
  return finding("path_in_overlay_layer", seen ? Certainty::certain : Certainty::possible,
                 shown(file.path) +
                     " is in a layer of an overlay, and the server bound the file of the overlay",
                 (evidence.layer_of_pid == 0
                      ? "put the socket on a volume"
                      : "go through /proc/" + pid + "/root, or put the socket on a volume") +
                     std::string(" that both sides mount"),
                 std::move(lines));
}

Answer overlay_below(const Evidence& evidence, const PathStep& file) {
  const bool is_overlay = file.mount && file.mount->type == "overlay";
  if (!is_overlay || evidence.in_layers.empty()) return std::nullopt;
  return finding("socket_in_overlay_layer", Certainty::certain,
                 "the server lives and bound the file in a layer below this overlay: connecting "
                 "does not cross layers",
                 "bind the socket on a volume that both sides mount, not in the image",
                 {source_of(*file.mount), line_for(evidence.in_layers.front())});
}

Answer shared(const Evidence&, const PathStep& file) {
  if (!file.mount || !is_shared_file_system(*file.mount)) return std::nullopt;
  return finding("shared_file_system", Certainty::likely,
                 "no server here has bound " + shown(file.path) + "; " + shown(file.mount->point) +
                     " is a shared file system (" + printable(file.mount->type) +
                     "), which a server of another machine does not cross",
                 "forward it: ssh -L, vsock, or socat at both ends");
}

Answer elsewhere(const Evidence& evidence, const PathStep&) { return explain_elsewhere(evidence); }

Answer unit(const Evidence& evidence, const PathStep&) { return explain_unit(evidence); }

Answer closed_listener(const Evidence& evidence, const PathStep&) {
  if (evidence.connected.empty()) return std::nullopt;
  return explain_connected_sockets(evidence);
}

constexpr std::array<FileRule, 7> file_rules{
    dead_mount, overlay_above, overlay_below, elsewhere, closed_listener, shared, unit};

Certainty certainty_of_death(const Evidence& evidence) {
  if (evidence.held) return *evidence.held ? Certainty::possible : Certainty::certain;
  const bool refused = evidence.probe && evidence.probe->error == ECONNREFUSED;
  return refused ? Certainty::likely : Certainty::possible;
}

bool is_made_by_container(const Evidence& evidence, const PathStep& file) {
  return file.kind == StepKind::directory && file.owner == 0 && evidence.container_runtime &&
         file.empty.value_or(false);
}

}  // namespace

bool is_shared_file_system(const Mount& mount) {
  constexpr std::array<std::string_view, 10> shared{"fuse", "virtiofs", "9p",  "nfs",    "cifs",
                                                    "smb3", "ceph",     "afs", "vboxsf", "prl_fs"};
  return std::ranges::any_of(shared, [&](std::string_view type) {
    // "fuse.sshfs", "nfs4"; a local file system may also be made with FUSE.
    return mount.type == type || mount.type.starts_with(std::string(type) + ".") ||
           (type == "nfs" && mount.type == "nfs4");
  });
}

Finding stale_file(const Evidence& evidence) {
  const Certainty certainty = certainty_of_death(evidence);
  const std::string path = words(evidence.address);
  std::vector<std::string> lines;
  if (certainty == Certainty::certain) {
    lines.emplace_back("no socket of any network namespace is bound to it");
  } else {
    lines.emplace_back("no socket of this network namespace is bound to it");
  }
  const PathStep* const file = target_of(evidence);
  if (file != nullptr && file->age)
    lines.push_back("the file was made " + words(*file->age) + " ago");
  std::string fix = evidence.for_bind ? "rm " + shell_quoted(evidence.address.name()) +
                                            "  (a Hallway server replaces it without that)"
                                      : "restart the server, which may replace the file";
  // What may be alive is not to be removed.
  if (evidence.for_bind && certainty != Certainty::certain) {
    fix =
        "start a Hallway server, which replaces it if it is stale; before rm, make sure that no "
        "other network namespace has its server";
  }
  return finding("stale_file", certainty,
                 path + " is left of a server that has ended: nothing is bound to it",
                 std::move(fix), std::move(lines));
}

Finding explain_connected_sockets(const Evidence& evidence) {
  const Process* const holder = holder_of_connected(evidence);
  const std::string name = words(evidence.address);
  const std::string by = holder == nullptr ? "a process" : words(*holder);
  std::vector<std::string> lines{line_for(evidence.connected.front())};
  if (evidence.held == true) {
    // A file has one socket: several that are connected were accepted by one that listened.
    return finding("not_listening",
                   evidence.connected.size() == 1 ? Certainty::certain : Certainty::likely,
                   name + " is the name of a connected socket of " + by +
                       ", as a client gives itself one: it does not listen",
                   "connect to the address of the server instead", std::move(lines));
  }
  const std::string fix = restart_words(holder == nullptr ? std::string() : holder->unit);
  if (evidence.held == false) {
    return finding("not_listening", Certainty::certain,
                   by + " no longer listens at " + name +
                       ": it closed that socket, and has only the clients that it accepted before",
                   fix, std::move(lines));
  }
  return finding("not_listening", Certainty::likely,
                 "nothing listens at " + name + ": only connected sockets have the name, of " + by,
                 fix, std::move(lines));
}

Finding explain_dead_file(const Evidence& evidence, const PathStep& file) {
  for (const FileRule rule : file_rules) {
    if (Answer answer = rule(evidence, file)) return *std::move(answer);
  }
  return stale_file(evidence);
}

Finding explain_other_file(const Evidence& evidence, const PathStep& file) {
  const std::string sentence =
      shown(file.path) + " is " + std::string(words(file.kind)) + ", not a socket";
  if (is_made_by_container(evidence, file)) {
    return finding("not_a_socket", Certainty::certain,
                   shown(file.path) + " is an empty directory of root, not a socket",
                   "stop the container, rmdir " + shell_quoted(file.path) +
                       ", start the server first, then the container with --mount instead of -v",
                   {"a container runtime is here, and it makes a directory where a volume's source "
                    "is missing"});
  }
  return finding("not_a_socket", Certainty::certain, sentence,
                 "correct the path, or move what is there away and start the server");
}

}  // namespace hallway::net
