// SPDX-License-Identifier: Apache-2.0
#include "support/raw_socket.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <stdexcept>

namespace hallway::test {

namespace {

struct KernelAddress {
  sockaddr_un raw{};
  socklen_t size = 0;

  explicit KernelAddress(const RawAddress& address) {
    if (address.size() >= sizeof raw.sun_path) throw std::length_error("too long for sun_path");
    raw.sun_family = AF_UNIX;
    std::memcpy(raw.sun_path, address.data(), address.size());
    const bool abstract = address.starts_with('@');
    if (abstract) raw.sun_path[0] = '\0';
    size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + address.size() +
                                  (abstract ? 0 : 1));
  }
  [[nodiscard]] const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&raw); }
};

}  // namespace

Descriptor raw_socket(int type) {
  return Descriptor::adopt(::socket(AF_UNIX, type | SOCK_CLOEXEC, 0));
}

Descriptor raw_bound(int type, const RawAddress& address) {
  Descriptor socket = raw_socket(type);
  const KernelAddress where(address);
  if (::bind(socket.get(), where.get(), where.size) != 0) return {};
  return socket;
}

Descriptor raw_listening(int type, const RawAddress& address, int backlog) {
  Descriptor socket = raw_bound(type, address);
  if (socket.holds_one() && ::listen(socket.get(), backlog) != 0) return {};
  return socket;
}

Descriptor raw_connected(int type, const RawAddress& address) {
  Descriptor socket = raw_socket(type);
  if (raw_connect(socket.get(), address) != 0) return {};
  return socket;
}

int raw_connect(int socket, const RawAddress& address) {
  const KernelAddress where(address);
  return ::connect(socket, where.get(), where.size) == 0 ? 0 : errno;
}

std::pair<Descriptor, Descriptor> raw_pair(int type) {
  std::array<int, 2> ends{-1, -1};
  if (::socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, ends.data()) != 0) {
    throw std::runtime_error("socketpair");
  }
  return {Descriptor::adopt(ends[0]), Descriptor::adopt(ends[1])};
}

int raw_connect_error(int type, const RawAddress& address) {
  return raw_connected(type, address).holds_one() ? 0 : errno;
}

ssize_t raw_send(int socket, std::string_view bytes, const std::vector<int>& descriptors) {
  iovec piece{const_cast<char*>(bytes.data()), bytes.size()};
  msghdr header{};
  header.msg_iov = &piece;
  header.msg_iovlen = 1;
  std::vector<char> control(CMSG_SPACE(descriptors.size() * sizeof(int)));
  if (!descriptors.empty()) {
    header.msg_control = control.data();
    header.msg_controllen = control.size();
    cmsghdr* item = CMSG_FIRSTHDR(&header);
    item->cmsg_level = SOL_SOCKET;
    item->cmsg_type = SCM_RIGHTS;
    item->cmsg_len = CMSG_LEN(descriptors.size() * sizeof(int));
    std::memcpy(CMSG_DATA(item), descriptors.data(), descriptors.size() * sizeof(int));
  }
  return ::sendmsg(socket, &header, MSG_NOSIGNAL | MSG_DONTWAIT);
}

RawReception raw_receive(int socket, std::size_t most, bool wait) {
  RawReception reception;
  reception.bytes.resize(most);
  iovec piece{reception.bytes.data(), most};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(253 * sizeof(int)) + CMSG_SPACE(sizeof(ucred))>
      control;
  msghdr header{};
  header.msg_iov = &piece;
  header.msg_iovlen = 1;
  header.msg_control = control.data();
  header.msg_controllen = control.size();
  reception.result = ::recvmsg(socket, &header, MSG_CMSG_CLOEXEC | (wait ? 0 : MSG_DONTWAIT));
  reception.error = reception.result < 0 ? errno : 0;
  reception.flags = header.msg_flags;
  reception.bytes.resize(reception.result > 0 ? static_cast<std::size_t>(reception.result) : 0);
  if (reception.result < 0) return reception;
  for (cmsghdr* item = CMSG_FIRSTHDR(&header); item != nullptr; item = CMSG_NXTHDR(&header, item)) {
    reception.has_control = true;
    if (item->cmsg_level != SOL_SOCKET || item->cmsg_type != SCM_RIGHTS) continue;
    const std::size_t count = (item->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (std::size_t i = 0; i < count; ++i) {
      int number = -1;
      std::memcpy(&number, CMSG_DATA(item) + i * sizeof(int), sizeof number);
      reception.descriptors.push_back(Descriptor::adopt(number));
    }
  }
  return reception;
}

void RawStream::collect() {
  while (!ended) {
    RawReception reception = raw_receive(socket_.get());
    if (reception.error == EAGAIN) return;
    if (reception.result <= 0) {
      // After a reset what was queued can still be read; the kernel reports it once.
      if (reception.error == ECONNRESET && error == 0) {
        error = ECONNRESET;
        continue;
      }
      ended = true;
      return;
    }
    received += reception.bytes;
    for (Descriptor& descriptor : reception.descriptors)
      descriptors.push_back(std::move(descriptor));
  }
}

void shrink_send_buffer(int socket) {
  const int smallest = 1;  // the kernel raises it to its minimum, a few kilobytes
  ::setsockopt(socket, SOL_SOCKET, SO_SNDBUF, &smallest, sizeof smallest);
}

Descriptor some_file() { return Descriptor::adopt(::memfd_create("test", MFD_CLOEXEC)); }

bool same_file(int a, int b) {
  struct stat first{};
  struct stat second{};
  return ::fstat(a, &first) == 0 && ::fstat(b, &second) == 0 && first.st_dev == second.st_dev &&
         first.st_ino == second.st_ino;
}

bool is_open(int descriptor) { return ::fcntl(descriptor, F_GETFD) >= 0; }

bool is_close_on_exec(int descriptor) {
  const int flags = ::fcntl(descriptor, F_GETFD);
  return flags >= 0 && (flags & FD_CLOEXEC) != 0;
}

}  // namespace hallway::test
