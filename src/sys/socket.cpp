// SPDX-License-Identifier: Apache-2.0
#include "sys/socket.hpp"

#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cassert>
#include <cstring>
#include <new>

#include <hallway/limits.hpp>

#include "sys/adopted.hpp"
#include "sys/control.hpp"

namespace hallway::sys {

namespace {

// Debian 12's headers lack these. The numbers are the kernel's for every architecture Debian has.
constexpr int so_peerpidfd = 77;   // Linux 6.5
constexpr int so_passrights = 83;  // Linux 6.16

constexpr std::size_t path_offset = offsetof(sockaddr_un, sun_path);
static_assert(SocketAddress::name_max == sizeof(sockaddr_un::sun_path) - 1);
static_assert(SocketAddress::capacity > sizeof(sockaddr_un));

int kernel_type(Type type) {
  switch (type) {
    case Type::stream: return SOCK_STREAM;
    case Type::seqpacket: return SOCK_SEQPACKET;
    case Type::datagram: return SOCK_DGRAM;
  }
  return SOCK_STREAM;
}

const sockaddr* raw(const SocketAddress& address) {
  return static_cast<const sockaddr*>(address.raw());
}

Expected<int> option(int socket, int name) {
  int value = 0;
  socklen_t size = sizeof value;
  const auto got =
      check(Call::getsockopt, [&] { return getsockopt(socket, SOL_SOCKET, name, &value, &size); });
  if (!got) return std::unexpected(got.error());
  return value;
}

Expected<bool> is_on(const Expected<int>& value) {
  if (!value) return std::unexpected(value.error());
  return *value != 0;
}

Expected<void> set_option(int socket, int name, int value) {
  return check(Call::setsockopt,
               [&] { return setsockopt(socket, SOL_SOCKET, name, &value, sizeof value); });
}

// Room for the maximum number of descriptors that a message can carry, and for credentials.
using Control = std::array<char, CMSG_SPACE(bounds::max_descriptors_per_message * sizeof(int)) +
                                     CMSG_SPACE(sizeof(ucred))>;

/// Takes ownership of every descriptor of one control message before the message is checked: the
/// kernel has installed them in our table, so we must close them even if the message is rejected.
/// If memory runs out, they are closed and the result reports truncation, as if the kernel had
/// dropped them for lack of room: the bytes still arrive.
void collect_descriptors(ByteView payload, ReceiveResult& reception) {
  auto& owned = reception.descriptors;
  bool room = true;
  try {
    owned.reserve(owned.size() + payload.size() / sizeof(int));
  } catch (const std::bad_alloc&) {
    room = false;
    reception.descriptors_truncated = true;
  }
  for (std::size_t at = 0; at + sizeof(int) <= payload.size(); at += sizeof(int)) {
    int number = -1;
    std::memcpy(&number, payload.data() + at, sizeof number);
    auto descriptor = Descriptor::adopt(number);
    if (room) owned.push_back(std::move(descriptor));
  }
}

void collect(const msghdr& header, ReceiveResult& reception) {
  ByteView control(static_cast<const char*>(header.msg_control), header.msg_controllen);
  while (const auto item = next_control_item(control)) {
    reception.has_control = true;
    if (item->level != SOL_SOCKET) continue;
    const ByteView payload = item->payload;
    if (item->type == SCM_RIGHTS) {
      collect_descriptors(payload, reception);
    } else if (item->type == SCM_CREDENTIALS && payload.size() >= sizeof(ucred)) {
      ucred sender{};
      std::memcpy(&sender, payload.data(), sizeof sender);
      reception.credentials = {sender.uid, sender.gid, sender.pid};
    }
  }
}

}  // namespace

SocketAddress::SocketAddress() noexcept : size_(sizeof(sa_family_t)) {
  const sa_family_t family = AF_UNIX;
  std::memcpy(storage_.data(), &family, sizeof family);
}

SocketAddress SocketAddress::path(ByteView path) {
  assert(path.size() <= name_max);
  SocketAddress address;
  std::memcpy(address.storage_.data() + path_offset, path.data(), path.size());
  address.size_ = static_cast<std::uint32_t>(path_offset + path.size() + 1);
  return address;
}

// The length is significant: zero padding would be part of the name.
SocketAddress SocketAddress::abstract(ByteView name) {
  assert(name.size() <= name_max);
  SocketAddress address;
  std::memcpy(address.storage_.data() + path_offset + 1, name.data(), name.size());
  address.size_ = static_cast<std::uint32_t>(path_offset + 1 + name.size());
  return address;
}

bool SocketAddress::unnamed() const noexcept { return size_ <= path_offset; }

bool SocketAddress::is_abstract() const noexcept {
  return !unnamed() && storage_[path_offset] == '\0';
}

ByteView SocketAddress::name() const noexcept {
  if (unnamed()) return {};
  const std::size_t stored = std::min<std::size_t>(size_, capacity) - path_offset;
  if (is_abstract()) return {storage_.data() + path_offset + 1, stored - 1};
  return {storage_.data() + path_offset, strnlen(storage_.data() + path_offset, stored)};
}

Expected<Descriptor> make_socket(Type type, bool nonblocking) {
  const int flags = SOCK_CLOEXEC | (nonblocking ? SOCK_NONBLOCK : 0);
  return adopted(retry_on_eintr(Call::socket,
                                [&] { return ::socket(AF_UNIX, kernel_type(type) | flags, 0); }));
}

Expected<std::pair<Descriptor, Descriptor>> make_pair(Type type) {
  std::array<int, 2> numbers{-1, -1};
  const auto made = check(Call::socketpair, [&] {
    return ::socketpair(AF_UNIX, kernel_type(type) | SOCK_CLOEXEC, 0, numbers.data());
  });
  if (!made) return std::unexpected(made.error());
  return std::pair(Descriptor::adopt(numbers[0]), Descriptor::adopt(numbers[1]));
}

Expected<void> bind(int socket, const SocketAddress& address) {
  return check(Call::bind, [&] { return ::bind(socket, raw(address), address.size()); });
}

Expected<void> connect(int socket, const SocketAddress& address) {
  return check(Call::connect, [&] { return ::connect(socket, raw(address), address.size()); });
}

Expected<void> listen(int socket, int backlog) {
  return check(Call::listen, [&] { return ::listen(socket, backlog); });
}

Expected<Descriptor> accept(int listener) {
  return adopted(retry_on_eintr(
      Call::accept, [&] { return ::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC); }));
}

Expected<void> shutdown_reading(int socket) {
  return check(Call::shutdown, [&] { return ::shutdown(socket, SHUT_RD); });
}

Expected<void> shutdown_writing(int socket) {
  return check(Call::shutdown, [&] { return ::shutdown(socket, SHUT_WR); });
}

void shut_down(int socket) noexcept {
  (void)check(Call::shutdown, [&] { return ::shutdown(socket, SHUT_RDWR); });
}

Expected<SocketAddress> local_address(int socket) {
  SocketAddress address;
  address.size() = SocketAddress::capacity;
  const auto got = check(Call::getsockname, [&] {
    return ::getsockname(socket, static_cast<sockaddr*>(address.raw()), &address.size());
  });
  if (!got) return std::unexpected(got.error());
  return address;
}

Expected<SocketAddress> remote_address(int socket) {
  SocketAddress address;
  address.size() = SocketAddress::capacity;
  const auto got = check(Call::getpeername, [&] {
    return ::getpeername(socket, static_cast<sockaddr*>(address.raw()), &address.size());
  });
  if (!got) return std::unexpected(got.error());
  return address;
}

Expected<Type> type_of(int socket) {
  const auto domain = option(socket, SO_DOMAIN);
  if (!domain) return std::unexpected(domain.error());
  if (*domain != AF_UNIX) return std::unexpected(EAFNOSUPPORT);
  const auto type = option(socket, SO_TYPE);
  if (!type) return std::unexpected(type.error());
  if (*type == SOCK_SEQPACKET) return Type::seqpacket;
  return *type == SOCK_DGRAM ? Type::datagram : Type::stream;
}

Expected<bool> is_listening(int socket) {
  const auto value = option(socket, SO_ACCEPTCONN);
  if (!value) return std::unexpected(value.error());
  return *value != 0;
}

// The kernel doubles the given value, for its own needs, and reports the doubled one (man 7
// socket).
bool raise_send_buffer(int socket, std::size_t size) noexcept {
  const auto wanted = static_cast<int>(std::min(size, std::size_t{INT32_MAX / 2}));
  const auto before = option(socket, SO_SNDBUF);
  if (!before || *before >= 2 * wanted || !set_option(socket, SO_SNDBUF, wanted)) return false;
  return option(socket, SO_SNDBUF).value_or(0) > *before;
}

// sock_alloc_send_pskb() charges the packet's bytes to the sender, and unix_dgram_sendmsg()
// reserves 32 bytes of SO_SNDBUF (net/unix/af_unix.c).
Expected<std::size_t> packet_max(int socket) {
  constexpr std::size_t kept_back = 32;
  const auto size = option(socket, SO_SNDBUF);
  if (!size) return std::unexpected(size.error());
  return static_cast<std::size_t>(*size) - kept_back;
}

Expected<std::size_t> unread_by_peer(int socket) {
  int charged = 0;
  const auto got = check(Call::ioctl, [&] { return ioctl(socket, SIOCOUTQ, &charged); });
  if (!got) return std::unexpected(got.error());
  return static_cast<std::size_t>(charged);
}

Expected<int> take_error(int socket) { return option(socket, SO_ERROR); }

Expected<Credentials> peer_credentials(int socket) {
  ucred peer{};
  socklen_t size = sizeof peer;
  const auto got = check(Call::getsockopt,
                         [&] { return getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &peer, &size); });
  if (!got) return std::unexpected(got.error());
  return Credentials{peer.uid, peer.gid, peer.pid};
}

Expected<std::vector<std::uint32_t>> peer_groups(int socket) {
  std::vector<std::uint32_t> groups(32);
  while (true) {
    auto size = static_cast<socklen_t>(groups.size() * sizeof(gid_t));
    const auto got = check(Call::getsockopt, [&] {
      return getsockopt(socket, SOL_SOCKET, SO_PEERGROUPS, groups.data(), &size);
    });
    const std::size_t needed = size / sizeof(gid_t);
    // On ERANGE, the kernel reports the size it needs. Groups cannot change after connect, so two
    // calls are enough.
    if (!got && got.error() == ERANGE && needed > groups.size()) {
      groups.resize(needed);
      continue;
    }
    if (!got) return std::unexpected(got.error());
    groups.resize(needed);
    return groups;
  }
}

Expected<Descriptor> peer_pidfd(int socket) { return adopted(option(socket, so_peerpidfd)); }

Expected<void> pass_credentials(int socket, bool wanted) {
  return set_option(socket, SO_PASSCRED, wanted ? 1 : 0);
}

Expected<bool> passes_credentials(int socket) { return is_on(option(socket, SO_PASSCRED)); }

Expected<Descriptor> open_file_of(int socket) {
  // SIOCUNIXFILE of <linux/un.h>, which cannot be included with <sys/un.h>.
  constexpr unsigned long open_unix_file = SIOCPROTOPRIVATE;
  const auto number =
      retry_on_eintr(Call::ioctl, [&] { return ::ioctl(socket, open_unix_file, 0); });
  if (!number) return std::unexpected(number.error());
  return Descriptor::adopt(*number);
}

Expected<void> allow_fd_passing(int socket, bool allowed) {
  return set_option(socket, so_passrights, allowed ? 1 : 0);
}

Expected<bool> allows_fd_passing(int socket) { return is_on(option(socket, so_passrights)); }

void deny_fd_passing(int socket) noexcept { (void)allow_fd_passing(socket, false); }

Expected<std::size_t> send(int socket, std::span<const iovec> pieces,
                           std::span<const Descriptor> descriptors, const SocketAddress* to) {
  msghdr header{};
  header.msg_iov = const_cast<iovec*>(pieces.data());
  header.msg_iovlen = pieces.size();
  if (to != nullptr) {
    header.msg_name = const_cast<void*>(to->raw());
    header.msg_namelen = to->size();
  }

  alignas(cmsghdr) Control control;
  if (!descriptors.empty()) {
    assert(descriptors.size() <= bounds::max_descriptors_per_message);
    const std::size_t size = descriptors.size() * sizeof(int);
    header.msg_control = control.data();
    header.msg_controllen = CMSG_SPACE(size);
    std::memset(control.data(), 0, header.msg_controllen);  // including the padding
    cmsghdr* item = CMSG_FIRSTHDR(&header);
    item->cmsg_level = SOL_SOCKET;
    item->cmsg_type = SCM_RIGHTS;
    item->cmsg_len = CMSG_LEN(size);
    for (std::size_t i = 0; i < descriptors.size(); ++i) {
      const int number = descriptors[i].get();
      std::memcpy(CMSG_DATA(item) + i * sizeof(int), &number, sizeof number);
    }
  }

  iovec first{};
  const auto sent = retry_on_eintr(Call::sendmsg, [&](bool one_byte) {
    if (one_byte && !pieces.empty()) {
      first = {pieces[0].iov_base, std::min<std::size_t>(pieces[0].iov_len, 1)};
      header.msg_iov = &first;
      header.msg_iovlen = 1;
    }
    return ::sendmsg(socket, &header, MSG_DONTWAIT | MSG_NOSIGNAL);
  });
  if (!sent) return std::unexpected(sent.error());
  return static_cast<std::size_t>(*sent);
}

Expected<std::size_t> send_bytes(int socket, iovec piece) {
  const auto sent = retry_on_eintr(Call::sendmsg, [&](bool one_byte) {
    const std::size_t most = one_byte ? 1 : SIZE_MAX;
    return ::send(socket, piece.iov_base, std::min(piece.iov_len, most),
                  MSG_DONTWAIT | MSG_NOSIGNAL);
  });
  if (!sent) return std::unexpected(sent.error());
  return static_cast<std::size_t>(*sent);
}

Expected<ReceiveResult> receive(int socket, iovec buffer, std::size_t descriptors, bool credentials,
                                SocketAddress* from) {
  msghdr header{};
  header.msg_iov = &buffer;
  header.msg_iovlen = 1;
  if (from != nullptr) {
    header.msg_name = from->raw();
    header.msg_namelen = SocketAddress::capacity;
  }
  alignas(cmsghdr) Control control;
  header.msg_control = control.data();
  // Padding can make room for one descriptor more than requested; the caller checks the count.
  const std::size_t room = (descriptors == 0 ? 0 : CMSG_SPACE(descriptors * sizeof(int))) +
                           (credentials ? CMSG_SPACE(sizeof(ucred)) : 0);

  const auto got = retry_on_eintr(Call::recvmsg, [&](bool one_byte) {
    if (one_byte) buffer.iov_len = std::min<std::size_t>(buffer.iov_len, 1);
    header.msg_controllen = room;
    return ::recvmsg(socket, &header, MSG_DONTWAIT | MSG_CMSG_CLOEXEC | MSG_TRUNC);
  });
  if (!got) return std::unexpected(got.error());

  ReceiveResult reception;
  collect(header, reception);
  reception.whole = static_cast<std::size_t>(*got);
  reception.size = std::min(reception.whole, buffer.iov_len);
  reception.truncated = (header.msg_flags & MSG_TRUNC) != 0;
  if ((header.msg_flags & MSG_CTRUNC) != 0 && descriptors != 0) {
    reception.descriptors_truncated = true;
  }
  if (from != nullptr) from->size() = header.msg_namelen;
  return reception;
}

Expected<std::size_t> receive_bytes(int socket, iovec buffer) {
  const auto got = retry_on_eintr(Call::recvmsg, [&](bool one_byte) {
    if (one_byte) buffer.iov_len = std::min<std::size_t>(buffer.iov_len, 1);
    return ::recv(socket, buffer.iov_base, buffer.iov_len, MSG_DONTWAIT);
  });
  if (!got) return std::unexpected(got.error());
  return static_cast<std::size_t>(*got);
}

}  // namespace hallway::sys
