// SPDX-License-Identifier: Apache-2.0
//
// What is odd about an address that a client connects to, and stops nothing.
#include <algorithm>
#include <utility>

#include <hallway/bytes.hpp>

#include "net/diagnosis/explain_parts.hpp"
#include "net/diagnosis/permissions.hpp"
#include "net/diagnosis/words.hpp"

namespace hallway::net {

namespace {

constexpr std::size_t kernel_path_limit = 107;

void note_gone_clients(const Evidence& evidence, Conclusions& found) {
  const SocketEntry* const socket = serving_socket(evidence);
  if (socket == nullptr || socket->waiting_gone == 0) return;
  found.odd.push_back(finding("waiting_clients_gone", Certainty::certain,
                              std::to_string(socket->waiting_gone) + " of " +
                                  counted(socket->waiting, "waiting client") +
                                  " closed before the server accepted; each keeps its place in "
                                  "the queue, as one look with a probe does",
                              "let the server accept faster"));
}

void note_open_socket(const Evidence& evidence, Conclusions& found) {
  const PathStep* const file = target_of(evidence);
  const PathStep* const parent = parent_of(evidence);
  if (file == nullptr || parent == nullptr || file->kind != StepKind::socket) return;
  if (!is_world_writable(*file) || !is_world_writable(*parent)) return;
  found.odd.push_back(finding(
      "world_writable_socket", Certainty::certain,
      shown(file->path) + " (" + mode_words(file->mode) + ") is open to every user, in " +
          shown(parent->path) + ", where every user may make files",
      "move it to a directory of the server's own in /run; the permissions of the directory then "
      "decide"));
}

/// The uid that the server should have; nullopt: not known.
std::optional<std::uint32_t> expected_uid(const Evidence& evidence) {
  return evidence.unit ? evidence.unit->service_uid : std::nullopt;
}

std::optional<std::uint32_t> uid_of_server(const Evidence& evidence) {
  if (evidence.probe && evidence.probe->listener) return evidence.probe->listener->uid;
  const SocketEntry* const socket = serving_socket(evidence);
  return socket == nullptr ? std::nullopt : socket->uid;
}

/// Any user could have bound the name first.
bool is_open_to_all(const Evidence& evidence) {
  if (evidence.address.kind() == Address::Kind::abstract) return true;
  const PathStep* const parent = parent_of(evidence);
  return parent != nullptr && is_world_writable(*parent);
}

void note_stranger(const Evidence& evidence, Conclusions& found) {
  const auto uid = uid_of_server(evidence);
  if (!uid || *uid == 0 || *uid == evidence.overflow_uid || !is_open_to_all(evidence)) return;
  const auto expected = expected_uid(evidence);
  if (expected ? *uid == *expected : *uid == evidence.subject.uid) return;
  const auto servers = servers_of(evidence);
  const std::string server = servers.empty() ? "the server" : words(*servers.front());
  found.odd.push_back(
      finding("unexpected_server", expected ? Certainty::likely : Certainty::possible,
              server + " is of uid " + std::to_string(*uid) +
                  (expected ? ", and " + printable(evidence.unit->service) + " runs as uid " +
                                  std::to_string(*expected)
                            : ", and every user could have taken this name first"),
              "use a directory that only the server may write to, and check the server's uid "
              "(--server-uid)"));
}

bool is_listening_here(const SocketEntry& socket, const PathStep& file) {
  if (socket.state != SocketState::listening || !socket.name.starts_with('/')) return false;
  const bool known = file.mount && socket.file_major && socket.file_minor;
  return !known ||
         (file.mount->major == *socket.file_major && file.mount->minor == *socket.file_minor);
}

void note_second_server(const Evidence& evidence, Conclusions& found) {
  const PathStep* const file = target_of(evidence);
  const SocketEntry* const serving = serving_socket(evidence);
  if (file == nullptr || serving == nullptr) return;
  for (const SocketEntry& socket : evidence.elsewhere) {
    if (!is_listening_here(socket, *file) || socket.inode == serving->inode) continue;
    const auto holder = std::ranges::find_if(socket.holders, &Process::alive);
    const bool seen = holder != socket.holders.end();
    if (seen && holder->other_mounts) continue;
    found.odd.push_back(
        finding("two_servers", Certainty::likely,
                (seen ? words(*holder) : std::string("another server")) +
                    " also listens and was bound to " + shown(file->path) +
                    (file->age ? "; it lost the name " + words(*file->age) + " ago" : "") +
                    ", and clients that connected before are still with it",
                seen ? "stop it if it is left over: kill " + std::to_string(holder->pid)
                     : "stop the older one",
                {line_for(socket)}));
    return;
  }
}

void note_mount(const Evidence& evidence, Conclusions& found) {
  const PathStep* const file = target_of(evidence);
  if (file == nullptr || !file->mount || !file->mount->read_only) return;
  found.odd.push_back(finding("read_only_mount", Certainty::certain,
                              shown(file->mount->point) +
                                  " is mounted read-only, which does not prevent connecting: it "
                                  "protects nothing, and causes nothing here"));
}

void note_network(const Evidence& evidence, Conclusions& found) {
  const bool is_path = evidence.address.kind() == Address::Kind::path;
  const SocketEntry* const serving = serving_socket(evidence);
  const bool elsewhere = serving != nullptr && serving->seen_by_pid != 0;
  const bool lives = has_connected(evidence) || evidence.held == true;
  const bool unlisted =
      lives && evidence.sockets.empty() && evidence.connected.empty() && evidence.compared_by_file;
  if (!is_path || (!elsewhere && !unlisted)) return;
  found.odd.push_back(finding(
      "listens_in_other_network_namespace", elsewhere ? Certainty::certain : Certainty::likely,
      "the server is in another network namespace: a path reaches it, and ss does not list it "
      "here"));
}

void note_identity(const Evidence& evidence, Conclusions& found) {
  if (!evidence.probe || !evidence.probe->listener || evidence.probe->error != 0) return;
  const Process& listener = *evidence.probe->listener;
  const bool unmapped = listener.uid == evidence.overflow_uid && evidence.maps_all_users == false;
  if (listener.pid != 0 && !unmapped) return;
  found.odd.push_back(finding(
      "peer_not_identified", Certainty::certain,
      "the server has " + std::string(listener.pid == 0
                                          ? "pid 0 here: it is in another pid namespace"
                                          : "no uid here: it is in another user namespace"),
      "rules by uid or pid do not work across it: allow any peer and prove identity otherwise, or "
      "share the namespaces"));
}

}  // namespace

void note_long_path(const Evidence& evidence, Conclusions& found) {
  const bool is_long = evidence.address.kind() == Address::Kind::path &&
                       evidence.address.name().size() > kernel_path_limit;
  if (!is_long) return;
  found.odd.push_back(finding("path_too_long_for_others", Certainty::certain,
                              "the path has " + std::to_string(evidence.address.name().size()) +
                                  " bytes, and other programs accept 107",
                              "use a shorter path, or reach it through a short symbolic link"));
}

void note_oddities(const Evidence& evidence, Conclusions& found) {
  note_gone_clients(evidence, found);
  note_open_socket(evidence, found);
  note_stranger(evidence, found);
  note_second_server(evidence, found);
  note_mount(evidence, found);
  note_network(evidence, found);
  note_identity(evidence, found);
  note_long_path(evidence, found);
}

}  // namespace hallway::net
