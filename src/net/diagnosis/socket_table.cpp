// SPDX-License-Identifier: Apache-2.0
#include "net/diagnosis/socket_table.hpp"

#include <algorithm>
#include <cerrno>
#include <set>
#include <utility>

#include "net/socket_type.hpp"
#include "sys/inspect.hpp"
#include "sys/socket_diag.hpp"

namespace hallway::net {

namespace {

SocketState state_of(const sys::UnixSocket& socket) {
  if (socket.state == sys::UnixState::listening) return SocketState::listening;
  const bool bound =
      socket.state == sys::UnixState::unconnected || socket.type == sys::Type::datagram;
  return bound ? SocketState::bound : SocketState::unbound_or_connected;
}

SocketEntry to_entry(const sys::UnixSocket& socket) {
  SocketEntry entry;
  entry.abstract = socket.name.starts_with('\0');
  entry.name = entry.abstract ? shown_abstract(std::string_view(socket.name).substr(1))
                              : socket.name.substr(0, socket.name.find('\0'));
  if (entry.abstract) entry.exact_name = socket.name.substr(1);
  entry.inode = socket.inode;
  entry.type = from_sys(socket.type);
  entry.state = state_of(socket);
  entry.uid = socket.uid;
  if (socket.file) {
    entry.file_major = socket.file->major;
    entry.file_minor = socket.file->minor;
    entry.file_inode = socket.file->inode;
  }
  if (entry.state == SocketState::listening) {
    entry.waiting = socket.receive_queue;
    entry.backlog = socket.send_queue;
    entry.waiting_gone = static_cast<std::uint32_t>(std::ranges::count(socket.waiting, 0U));
  } else if (socket.peer && *socket.peer != 0) {
    entry.connected_to = socket.peer;
  }
  return entry;
}

SocketEntry to_entry(const UnixLine& line, std::int32_t pid) {
  SocketEntry entry;
  entry.name = line.name;
  entry.abstract = line.name.starts_with('@');
  entry.inode = line.inode;
  entry.type = line.type;
  entry.state = line.state;
  entry.has_queue = false;
  entry.seen_by_pid = pid;
  return entry;
}

bool is_alive(const SocketEntry& entry) {
  return entry.state != SocketState::unbound_or_connected && !entry.name.empty();
}

/// Whether the socket was bound to the address's name, wherever that led to.
bool has_name(const Look& look, const SocketEntry& entry) {
  const Address& address = look.evidence.address;
  if (address.kind() == Address::Kind::abstract) {
    if (entry.exact_name) return *entry.exact_name == address.name();
    return entry.abstract && entry.name == shown_abstract(address.name());
  }
  return !entry.abstract && (entry.name == address.name() || entry.name == look.absolute);
}

bool is_at(const SocketEntry& entry, const Mount& mount, std::uint64_t inode) {
  return entry.file_major == mount.major && entry.file_minor == mount.minor &&
         entry.file_inode == static_cast<std::uint32_t>(inode);
}

enum class Place : std::uint8_t { here, elsewhere, no };

Place place_of(const Look& look, const SocketEntry& entry) {
  const bool named = has_name(look, entry);
  if (entry.abstract) return named ? Place::here : Place::no;
  const PathStep* const file = look.socket_step();
  if (file != nullptr && entry.file_inode && file->mount) {
    if (is_at(entry, *file->mount, file->inode)) return Place::here;
    return named ? Place::elsewhere : Place::no;
  }
  if (!named) return Place::no;
  // Only the name is known: the file decides, if it could be asked whether a live socket has it.
  const bool may_be_here = file != nullptr && look.evidence.held != false;
  return may_be_here ? Place::here : Place::elsewhere;
}

void sort_in(Look& look, const SocketEntry& entry) {
  switch (place_of(look, entry)) {
    case Place::here: look.evidence.sockets.push_back(entry); break;
    case Place::elsewhere: look.evidence.elsewhere.push_back(entry); break;
    case Place::no: break;
  }
}

std::string why_no_list(int error) {
  const std::string what =
      "the device and the queue of each socket (the kernel's list of sockets, sock_diag, is ";
  return what +
         (error == EPERM || error == EACCES || error == EAFNOSUPPORT ? "forbidden)" : "missing)");
}

void read_our_sockets(Look& look) {
  auto& live = look.live;
  const auto sockets = sys::unconnected_sockets();
  for (const auto& socket : sockets.value_or(std::vector<sys::UnixSocket>())) {
    SocketEntry entry = to_entry(socket);
    if (is_alive(entry)) live.push_back(std::move(entry));
  }
  if (sockets) return;
  look.miss(why_no_list(sockets.error()));
  const std::string text = proc_text(0, "net/unix");
  if (text.empty())
    look.miss("the sockets of this network namespace (/proc/net/unix is not there)");
  for (const UnixLine& line : parse_unix_sockets(text)) {
    SocketEntry entry = to_entry(line, 0);
    if (is_alive(entry)) live.push_back(std::move(entry));
  }
}

bool is_known(const Evidence& evidence, const SocketEntry& entry) {
  const auto same = [&](const SocketEntry& known) { return known.inode == entry.inode; };
  return std::ranges::any_of(evidence.sockets, same) ||
         std::ranges::any_of(evidence.elsewhere, same);
}

/// The processes to look through the eyes of: the subject first.
std::vector<std::int32_t> observers(Look& look) {
  std::vector<std::int32_t> pids;
  const Subject& subject = look.evidence.subject;
  if (subject.kind == Subject::Kind::process) pids.push_back(subject.pid);
  pids.insert(pids.end(), look.all().begin(), look.all().end());
  return pids;
}

/// The directories of an option such as "lowerdir=/a:/b".
std::vector<std::string> layers_of(const Mount& overlay) {
  std::vector<std::string> layers;
  for (const std::string& option : overlay.options) {
    for (const std::string_view key : {"upperdir=", "lowerdir=", "lowerdir+=", "datadir+="}) {
      if (!option.starts_with(key)) continue;
      for (const auto directory : split(std::string_view(option).substr(key.size()), ":")) {
        layers.emplace_back(directory);
      }
    }
  }
  return layers;
}

std::string below(std::string_view directory, std::string_view path) {
  return std::string(directory == "/" ? path : path.substr(directory.size()));
}

/// Adds the live sockets that are bound to the file at `path`.
void add_in_layer(Look& look, const std::string& path) {
  const auto details = sys::details_at(path);
  if (!details) return;
  const auto mount = std::ranges::find(look.our_mounts, details->mount,
                                       [](const Mount& one) { return std::optional(one.id); });
  if (mount == look.our_mounts.end()) return;
  for (const SocketEntry& entry : look.live) {
    if (is_at(entry, *mount, details->inode)) look.evidence.in_layers.push_back(entry);
  }
}

/// If one of the mounts is an overlay of which the path is in a layer: notes it, and the sockets
/// that are bound to the same file through it.
bool take_overlay_over(Look& look, const std::vector<Mount>& mounts, std::int32_t pid) {
  for (const Mount& mount : mounts) {
    if (mount.type != "overlay") continue;
    const auto layers = layers_of(mount);
    const auto layer = std::ranges::find_if(
        layers, [&](const std::string& directory) { return is_above(directory, look.absolute); });
    if (layer == layers.end()) continue;
    look.evidence.layer_of = mount;
    look.evidence.layer_of_pid = pid;
    const std::string inside = below(*layer, look.absolute);
    const std::string there = mount.point == "/" ? inside : mount.point + inside;
    for (const SocketEntry& entry : look.live) {
      const bool on_overlay = entry.file_major == mount.major && entry.file_minor == mount.minor;
      if (on_overlay && entry.name == there) look.evidence.in_layers.push_back(entry);
    }
    if (look.evidence.in_layers.empty() && pid == 0) add_in_layer(look, there);
    return true;
  }
  return false;
}

}  // namespace

std::string shown_abstract(std::string_view name) {
  std::string shown = "@" + std::string(name);
  std::ranges::replace(shown, '\0', '@');
  return shown;
}

void look_at_our_sockets(Look& look) {
  read_our_sockets(look);
  for (const SocketEntry& entry : look.live) sort_in(look, entry);
  const PathStep* const file = look.socket_step();
  const bool has_files = std::ranges::all_of(look.live, [](const SocketEntry& entry) {
    return entry.abstract || entry.file_inode.has_value();
  });
  look.evidence.compared_by_file = file != nullptr && file->mount && has_files;
}

void look_at_connected_sockets(Look& look) {
  const auto sockets = sys::all_unix_sockets();
  for (const auto& socket : sockets.value_or(std::vector<sys::UnixSocket>())) {
    // A client that was not accepted yet has no inode.
    const bool connected = socket.state == sys::UnixState::connected && socket.inode != 0;
    if (!connected || socket.name.empty() || socket.type == sys::Type::datagram) continue;
    SocketEntry entry = to_entry(socket);
    if (place_of(look, entry) == Place::here) look.evidence.connected.push_back(std::move(entry));
  }
}

void look_at_other_networks(Look& look, Clock::time_point until) {
  look.evidence.networks_in_part = !look.has_proc || !look.shows_all_processes;
  std::set<std::uint64_t> seen;
  if (const auto ours = network_of(0)) seen.insert(*ours);
  for (const std::int32_t pid : observers(look)) {
    if (Clock::now() >= until) {
      look.evidence.networks_in_part = true;
      look.miss("the sockets of some network namespaces (there was no time)");
      return;
    }
    const auto network = network_of(pid);
    if (!network || !seen.insert(*network).second) continue;
    for (const UnixLine& line : parse_unix_sockets(proc_text(pid, "net/unix"))) {
      const SocketEntry entry = to_entry(line, pid);
      if (is_alive(entry) && !is_known(look.evidence, entry)) sort_in(look, entry);
    }
  }
}

void look_at_overlays(Look& look, Clock::time_point until) {
  const PathStep* const file = look.socket_step();
  if (file == nullptr) return;
  if (file->mount && file->mount->type == "overlay") {
    for (const std::string& layer : layers_of(*file->mount)) {
      add_in_layer(look, layer + below(file->mount->point, look.absolute));
    }
    return;
  }
  if (take_overlay_over(look, look.our_mounts, 0)) return;
  // The overlay of a container is mounted in the container alone.
  std::set<std::string> seen;
  for (const std::int32_t pid : look.all()) {
    if (Clock::now() >= until) return;
    if (!seen.insert(mounts_key(pid)).second) continue;
    if (take_overlay_over(look, mounts_of(pid), pid)) return;
  }
}

}  // namespace hallway::net
