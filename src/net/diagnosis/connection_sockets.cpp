// SPDX-License-Identifier: Apache-2.0
#include "net/diagnosis/connection_sockets.hpp"

#include <algorithm>
#include <cerrno>
#include <string_view>
#include <utility>
#include <vector>

#include "net/diagnosis/processes.hpp"
#include "net/socket_type.hpp"
#include "sys/inspect.hpp"

namespace hallway::net {

namespace {

End::State state_of(const sys::UnixSocket& socket) {
  if (socket.state == sys::UnixState::listening) return End::State::listening;
  // The kernel shows a datagram socket as connected as soon as another one is connected to it.
  const bool connected = socket.type == sys::Type::datagram
                             ? socket.peer.has_value()
                             : socket.state == sys::UnixState::connected;
  return connected ? End::State::connected : End::State::unconnected;
}

}  // namespace

sys::Expected<Sockets> list_sockets() {
  auto listed = sys::all_unix_sockets();
  if (!listed) return std::unexpected(listed.error());
  Sockets sockets;
  for (sys::UnixSocket& socket : *listed) {
    if (socket.inode != 0) sockets.insert_or_assign(socket.inode, std::move(socket));
  }
  return sockets;
}

std::string shown_name(const sys::UnixSocket& socket) {
  std::string name = socket.name;
  if (!name.starts_with('\0')) return name.substr(0, name.find('\0'));
  std::ranges::replace(name, '\0', '@');
  return name;
}

End to_end(const sys::UnixSocket& socket) {
  constexpr unsigned no_reading = 1;
  constexpr unsigned no_sending = 2;
  End end;
  end.inode = socket.inode;
  end.type = from_sys(socket.type);
  end.state = state_of(socket);
  end.name = shown_name(socket);
  end.peer = socket.peer;
  if (end.state != End::State::listening) {
    end.unread = socket.receive_queue;
    end.sent_unread = socket.send_queue;
  }
  if (socket.send_limit) end.send_limit = *socket.send_limit;
  end.input_ended = (socket.shut_down & no_reading) != 0;
  end.output_ended = (socket.shut_down & no_sending) != 0;
  return end;
}

Place::Place(const Address& address) : path_(address.kind() == Address::Kind::path) {
  name_ = path_ ? address.name() : std::string(1, '\0') + address.name();
  const auto file = path_ ? sys::details_at(name_) : std::unexpected(ENOENT);
  if (!file || !file->mount) return;
  for (const Mount& mount : mounts_of(0)) {
    if (mount.id != *file->mount) continue;
    file_ = sys::BoundFile{.major = mount.major,
                           .minor = mount.minor,
                           .inode = static_cast<std::uint32_t>(file->inode)};
  }
}

bool Place::is_at(const sys::UnixSocket& socket) const {
  if (!path_) return socket.name == name_;
  const std::string_view name = std::string_view(socket.name).substr(0, socket.name.find('\0'));
  return name == name_ || (file_ && socket.file == file_);
}

}  // namespace hallway::net
