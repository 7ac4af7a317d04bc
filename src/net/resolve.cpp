// SPDX-License-Identifier: Apache-2.0
#include "net/resolve.hpp"

#include <filesystem>
#include <system_error>
#include <tuple>

#include <hallway/peer.hpp>

#include "net/server_look.hpp"
#include "net/socket_type.hpp"
#include "sys/file.hpp"

namespace hallway::net {

sys::Expected<ResolvedAddress> resolve(const Address& address, std::optional<std::uint32_t> owner) {
  if (address.kind() == Address::Kind::abstract) {
    if (owner) return std::unexpected(EPERM);
    return ResolvedAddress{sys::SocketAddress::abstract(address.name()), {}};
  }
  if (address.kind() != Address::Kind::path) return std::unexpected(EINVAL);
  const std::string& path = address.name();
  if (!owner && path.size() <= sys::SocketAddress::name_max) {
    return ResolvedAddress{sys::SocketAddress::path(path), {}};
  }
  // The kernel follows /proc/self/fd/N to the inode itself, so the path may have any length.
  const auto [directory_path, file] = split_path(path);
  const auto directory = sys::open_directory(directory_path);
  if (!directory) return std::unexpected(directory.error());
  auto name = sys::open_target(directory->get(), file);
  if (!name) return std::unexpected(name.error());
  if (owner) {
    const auto found = sys::identify(name->get());
    if (!found) return std::unexpected(found.error());
    // The overflow uid stands for every user that this user namespace does not map.
    const bool theirs = found->uid == *owner && *owner != Peer::overflow_uid;
    if (found->kind != sys::FileKind::socket || !theirs) {
      return std::unexpected(EPERM);
    }
  }
  const auto reached = sys::SocketAddress::path(sys::proc_path(name->get()));
  return ResolvedAddress{reached, std::move(*name)};
}

Result<std::optional<Descriptor>> try_connect(const Address& address, SocketType type) {
  const auto reachable = resolve(address);
  if (!reachable) return connect_error(reachable.error(), "connect", address);
  auto socket = sys::make_socket(to_sys(type), true);
  if (!socket) return connect_error(socket.error(), "connect", address);
  const auto connected = sys::connect(socket->get(), reachable->address);
  // EAGAIN rather than EINPROGRESS: no connect was started. Polling would report a socket that
  // looks connected and is not.
  if (!connected && connected.error() == EAGAIN) return std::nullopt;
  if (!connected) return connect_error(connected.error(), "connect", address);
  return std::move(*socket);
}

// Connecting a datagram socket only sets its default peer, and the peer is not notified. A socket
// of any other type answers that ours has the wrong type.
Result<bool> is_held(const Address& address) {
  const auto probe = try_connect(address, SocketType::datagram);
  if (probe) return true;
  const std::error_code code = probe.error().code;
  if (code == std::errc::connection_refused) return false;
  // EPERM: a datagram socket that is itself connected to another one.
  if (code == std::errc::wrong_protocol_type || code == std::errc::operation_not_permitted) {
    return true;
  }
  return std::unexpected(probe.error());
}

const char* words(sys::FileKind kind) {
  switch (kind) {
    case sys::FileKind::regular: return "a regular file";
    case sys::FileKind::directory: return "a directory";
    case sys::FileKind::symlink: return "a symbolic link";
    case sys::FileKind::socket: return "a socket";
    case sys::FileKind::other: break;
  }
  return "a special file";
}

namespace {

/// connect(2) fails with the same error for a file that is not a socket, a socket that no process
/// holds any longer, and a socket that does not listen. The file shows which one it is.
/// @return a reason and a hint
std::pair<std::string, std::string> why_refused(const Address& address) {
  constexpr const char* nothing_listens = "no server is listening";
  constexpr const char* not_running = "the server is not running";
  if (address.kind() != Address::Kind::path) return {nothing_listens, not_running};
  const auto there = sys::open_target_of_path(address.name());
  const auto found = there ? sys::identify(there->get()) : std::unexpected(there.error());
  if (!found) return {nothing_listens, not_running};
  if (found->kind != sys::FileKind::socket) {
    return {std::string("that is ") + words(found->kind) + ", not a socket", "check the path"};
  }
  // As is_held(), which is not called because it builds an error, and thereby calls this function.
  const auto socket = sys::make_socket(sys::Type::datagram, true);
  if (!socket) return {nothing_listens, not_running};
  const auto path = sys::SocketAddress::path(sys::proc_path(there->get()));
  const auto probed = sys::connect(socket->get(), path);
  const bool held = probed || probed.error() != ECONNREFUSED;
  return {nothing_listens, held ? "a process has the socket open but does not listen on it"
                                : "its server has ended: no process has the socket open"};
}

/// @return a reason and a hint
std::pair<std::string, std::string> why_wrong_type(const Address& address) {
  const auto type = type_at(address);
  if (!type) return {"it is a socket of another type", "try stream, seqpacket and datagram"};
  const std::string name(to_string(*type));
  return {"it is a " + name + " socket", "use type " + name};
}

}  // namespace

bool is_below_removed_directory(const Address& address) {
  if (address.kind() != Address::Kind::path || address.name().starts_with('/')) return false;
  // The removed directory can still be opened, but no name can be looked up or created in it.
  std::error_code error;
  static_cast<void>(std::filesystem::current_path(error));
  return error == std::errc::no_such_file_or_directory;
}

std::unexpected<Error> connect_error(int error, const char* operation, const Address& address) {
  std::string reason;
  std::string hint;
  switch (error) {
    case ENOENT:
      if (is_below_removed_directory(address)) {
        reason = directory_removed;
        hint = leave_directory;
        break;
      }
      reason = "there is no such socket";
      hint = "the server is not running, or uses another address";
      break;
    case ECONNREFUSED: std::tie(reason, hint) = why_refused(address); break;
    case EACCES:
      reason = "permission denied";
      hint =
          "connecting takes write permission on the socket file and search permission on "
          "every directory above it";
      break;
    case EPROTOTYPE: std::tie(reason, hint) = why_wrong_type(address); break;
    case EINVAL:
      if (address.kind() != Address::Kind::path && address.kind() != Address::Kind::abstract) {
        reason = "this kind of address cannot be connected to";
      }
      break;
    default: break;
  }
  return sys::failure(error, operation, address.unescaped(), std::move(reason), std::move(hint));
}

Address from_sys(const sys::SocketAddress& address) {
  if (address.unnamed()) return {};
  const auto named =
      address.is_abstract() ? Address::abstract(address.name()) : Address::path(address.name());
  return named.value_or(Address());
}

std::pair<std::string, std::string> split_path(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  if (slash == std::string::npos) return {".", path};
  return {path.substr(0, slash + 1), path.substr(slash + 1)};
}

}  // namespace hallway::net
