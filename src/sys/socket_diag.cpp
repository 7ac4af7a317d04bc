// SPDX-License-Identifier: Apache-2.0
#include "sys/socket_diag.hpp"

#include <fcntl.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <linux/unix_diag.h>
#include <sys/socket.h>
#include <sys/sysmacros.h>

#include <algorithm>
#include <array>
#include <string>

#include <hallway/bytes.hpp>
#include <hallway/descriptor.hpp>
#include <hallway/limits.hpp>

#include "sys/file.hpp"

namespace hallway::sys {

namespace {

// The kernel's states of a connected, a bound and a listening socket (net/tcp_states.h).
constexpr unsigned state_established = 1;
constexpr unsigned state_close = 7;
constexpr unsigned state_listen = 10;

struct Request {
  nlmsghdr header;
  unix_diag_req body;
};

Request sockets_in(unsigned states, unsigned shown) {
  Request request{};
  request.header.nlmsg_len = sizeof request;
  request.header.nlmsg_type = SOCK_DIAG_BY_FAMILY;
  request.header.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
  request.body.sdiag_family = AF_UNIX;
  request.body.udiag_states = states;
  request.body.udiag_show = shown;
  return request;
}

std::size_t length_of(const nlmsghdr& header) { return header.nlmsg_len; }
std::size_t length_of(const rtattr& header) { return header.rta_len; }

/// Netlink messages are nested records. Each begins with its length and is padded to 4 bytes.
template <typename Header, typename Visit>
void for_each_record(ByteView bytes, const Visit& visit) {
  while (bytes.size() >= sizeof(Header)) {
    Header header{};
    std::copy_n(bytes.begin(), sizeof header, reinterpret_cast<char*>(&header));
    const std::size_t length = length_of(header);
    if (length < sizeof header || length > bytes.size()) return;
    visit(header, bytes.substr(sizeof header, length - sizeof header));
    constexpr std::size_t padding = 3;
    bytes.remove_prefix(std::min((length + padding) & ~padding, bytes.size()));
  }
}

/// The value at the beginning of a record; all zeros if the record is shorter.
template <typename T>
T value_of(ByteView record) {
  T value{};
  if (record.size() >= sizeof value) {
    std::copy_n(record.begin(), sizeof value, reinterpret_cast<char*>(&value));
  }
  return value;
}

/// Queries the kernel, and visits its answer for each socket: a unix_diag_msg, then attributes.
template <typename Visit>
Expected<void> for_each_socket(const Request& request, const Visit& visit) {
  const auto number = retry_on_eintr(Call::socket, [] {
    return ::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
  });
  if (!number) return std::unexpected(number.error());
  const auto netlink = Descriptor::adopt(*number);
  const auto asked =
      check(Call::sendmsg, [&] { return ::send(netlink.get(), &request, sizeof request, 0); });
  if (!asked) return std::unexpected(asked.error());

  std::array<char, 32 * kibibyte> buffer;  // as much as iproute2 reads at once
  Expected<void> outcome;
  for (bool done = false; !done;) {
    const auto got = retry_on_eintr(
        Call::recvmsg, [&] { return ::recv(netlink.get(), buffer.data(), buffer.size(), 0); });
    if (!got) return std::unexpected(got.error());
    const ByteView answer(buffer.data(), static_cast<std::size_t>(*got));
    done = answer.empty();
    for_each_record<nlmsghdr>(answer, [&](const nlmsghdr& header, ByteView body) {
      done = done || header.nlmsg_type == NLMSG_DONE || header.nlmsg_type == NLMSG_ERROR;
      if (header.nlmsg_type == NLMSG_ERROR) {
        outcome = std::unexpected(-value_of<nlmsgerr>(body).error);
      } else if (header.nlmsg_type == SOCK_DIAG_BY_FAMILY) {
        visit(body);
        done = done || (header.nlmsg_flags & NLM_F_MULTI) == 0;  // a single answer
      }
    });
  }
  return outcome;
}

/// Finds the one listening socket with an attribute that `is_it` accepts.
template <typename IsIt>
Expected<ListeningSocket> find_listening(unsigned shown, const IsIt& is_it) {
  Expected<ListeningSocket> found = std::unexpected(ENOENT);
  std::size_t count = 0;
  const auto asked = for_each_socket(
      sockets_in(1U << state_listen, shown | UDIAG_SHOW_RQLEN), [&](ByteView socket) {
        ListeningSocket one{value_of<unix_diag_msg>(socket).udiag_ino, 0};
        bool matches = false;
        socket.remove_prefix(std::min(sizeof(unix_diag_msg), socket.size()));
        for_each_record<rtattr>(socket, [&](const rtattr& attribute, ByteView value) {
          // For a listening socket, the first of the two fields is the number of clients in its
          // queue.
          if (attribute.rta_type == UNIX_DIAG_RQLEN) {
            one.waiting = value_of<unix_diag_rqlen>(value).udiag_rqueue;
          }
          matches = matches || is_it(attribute, value);
        });
        if (!matches) return;
        ++count;
        found = one;
      });
  if (!asked) return std::unexpected(asked.error());
  if (count > 1) return std::unexpected(ENOTUNIQ);
  return found;
}

}  // namespace

Expected<ListeningSocket> listening_by_file(std::uint64_t device, std::uint64_t inode) {
  // The kernel's own encoding of a device number (linux/kdev_t.h).
  constexpr unsigned minor_bits = 20;
  const std::uint32_t kernel_device = (major(device) << minor_bits) | minor(device);
  const auto kernel_inode = static_cast<std::uint32_t>(inode);
  return find_listening(UDIAG_SHOW_VFS, [=](const rtattr& attribute, ByteView value) {
    if (attribute.rta_type != UNIX_DIAG_VFS) return false;
    const auto file = value_of<unix_diag_vfs>(value);
    return file.udiag_vfs_ino == kernel_inode && file.udiag_vfs_dev == kernel_device;
  });
}

Expected<ListeningSocket> listening_by_name(const std::string& name) {
  return find_listening(UDIAG_SHOW_NAME, [&name](const rtattr& attribute, ByteView value) {
    return attribute.rta_type == UNIX_DIAG_NAME && value.starts_with('\0') &&
           value.substr(1) == name;
  });
}

Expected<std::uint32_t> inode_of(int socket) {
  const auto own = identify(socket);
  if (!own) return std::unexpected(own.error());
  Request request = sockets_in(~0U, UDIAG_SHOW_VFS);
  request.header.nlmsg_flags = NLM_F_REQUEST;  // of one socket only
  request.body.udiag_ino = static_cast<std::uint32_t>(own->inode);
  std::ranges::fill(request.body.udiag_cookie, ~0U);  // INET_DIAG_NOCOOKIE: any
  Expected<std::uint32_t> inode = std::unexpected(ENOENT);
  const auto asked = for_each_socket(request, [&](ByteView socket_told) {
    socket_told.remove_prefix(std::min(sizeof(unix_diag_msg), socket_told.size()));
    for_each_record<rtattr>(socket_told, [&](const rtattr& attribute, ByteView value) {
      if (attribute.rta_type == UNIX_DIAG_VFS) inode = value_of<unix_diag_vfs>(value).udiag_vfs_ino;
    });
  });
  if (!asked) return std::unexpected(asked.error());
  return inode;
}

Expected<std::map<std::string, std::uint32_t>> abstract_datagram_names() {
  std::map<std::string, std::uint32_t> names;
  const auto asked = for_each_socket(
      sockets_in((1U << state_close) | (1U << state_established), UDIAG_SHOW_NAME | UDIAG_SHOW_UID),
      [&](ByteView socket) {
        if (value_of<unix_diag_msg>(socket).udiag_type != SOCK_DGRAM) return;
        ByteView name;
        std::uint32_t uid = 0;
        socket.remove_prefix(std::min(sizeof(unix_diag_msg), socket.size()));
        for_each_record<rtattr>(socket, [&](const rtattr& attribute, ByteView value) {
          if (attribute.rta_type == UNIX_DIAG_NAME) name = value;
          if (attribute.rta_type == UNIX_DIAG_UID) uid = value_of<std::uint32_t>(value);
        });
        if (name.starts_with('\0')) names.emplace(name.substr(1), uid);
      });
  if (!asked) return std::unexpected(asked.error());
  return names;
}

}  // namespace hallway::sys
