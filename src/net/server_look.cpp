// SPDX-License-Identifier: Apache-2.0
#include "net/server_look.hpp"

#include <algorithm>
#include <optional>

#include "net/diagnosis/processes.hpp"
#include "net/resolve.hpp"
#include "net/socket_file.hpp"
#include "net/socket_type.hpp"
#include "sys/file.hpp"
#include "sys/inspect.hpp"
#include "sys/process.hpp"
#include "sys/socket_diag.hpp"

namespace hallway::net {

namespace {

/// The file as the kernel's list of sockets shows it: by the device of the mount, which may differ
/// from what stat(2) shows.
std::optional<sys::BoundFile> bound_file(int descriptor) {
  const auto details = sys::details_of(descriptor);
  if (!details || !details->mount) return std::nullopt;
  const auto mounts = mounts_of(0);
  const auto mount = std::ranges::find(mounts, *details->mount, &Mount::id);
  if (mount == mounts.end()) return std::nullopt;
  return sys::BoundFile{.major = mount->major,
                        .minor = mount->minor,
                        .inode = static_cast<std::uint32_t>(details->inode)};
}

std::optional<sys::ListeningSocket> listening_at(const Address& address) {
  if (address.kind() == Address::Kind::abstract) {
    const auto found = sys::listening_by_name(address.name());
    return found ? std::optional(*found) : std::nullopt;
  }
  const auto file = sys::open_target_of_path(address.name());
  const auto bound = file ? bound_file(file->get()) : std::nullopt;
  if (!bound) return std::nullopt;
  const auto found = sys::listening_by_file(*bound);
  return found ? std::optional(*found) : std::nullopt;
}

}  // namespace

std::string process_state_words(std::int32_t pid) {
  const auto state = pid > 0 ? sys::process_state(pid) : std::unexpected(ENOENT);
  if (!state) return {};
  switch (*state) {
    case 'T': return "is stopped by a signal (kill -CONT " + std::to_string(pid) + " continues it)";
    case 't': return "is stopped by a debugger";
    case 'D': return "is blocked in the kernel (state D)";
    case 'R': return "is running (state R)";
    case 'S': return "is sleeping (state S)";
    case 'Z':
    case 'X': return "has ended";
    default: return std::string("is in state ") + *state;
  }
}

std::optional<SocketType> type_at(const Address& address) {
  if (const auto listening = listening_at(address)) return from_sys(listening->type);
  // A datagram socket does not listen. It is not notified of the connect, and refuses it with EPERM
  // if it is itself connected to another socket.
  const auto socket = sys::make_socket(sys::Type::datagram, true);
  const auto there = resolve(address);
  if (!socket || !there) return std::nullopt;
  const auto connected = sys::connect(socket->get(), there->address);
  if (connected || connected.error() == EPERM) return SocketType::datagram;
  return std::nullopt;
}

std::string full_backlog_words(const Address& address) {
  std::string words = "its backlog is full";
  const auto listening = listening_at(address);
  if (!listening) return words;
  words += ": " + std::to_string(listening->waiting) +
           (listening->waiting == 1 ? " client waits" : " clients wait") + " for accept";
  if (address.kind() != Address::Kind::path) return words;
  const auto holder = SocketFile::lock_holder(address);
  if (!holder || !sys::holds_socket(holder->pid, listening->socket)) return words;
  words += "; " + holder->to_string() + " owns it";
  const std::string state = process_state_words(holder->pid);
  return state.empty() ? words : words + " and " + state;
}

}  // namespace hallway::net
