// SPDX-License-Identifier: Apache-2.0
#include "sys/socket_diag.hpp"

#include <fcntl.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <linux/unix_diag.h>
#include <netinet/in.h>
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

template <typename Body>
struct RequestOf {
  nlmsghdr header;
  Body body;
};

using Request = RequestOf<unix_diag_req>;

/// A question about one socket, which `body` has yet to name.
template <typename Body>
RequestOf<Body> about_one() {
  RequestOf<Body> request{};
  request.header.nlmsg_len = sizeof request;
  request.header.nlmsg_type = SOCK_DIAG_BY_FAMILY;
  request.header.nlmsg_flags = NLM_F_REQUEST;
  return request;
}

Request sockets_in(unsigned states, unsigned shown) {
  auto request = about_one<unix_diag_req>();
  request.header.nlmsg_flags |= NLM_F_DUMP;
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

Expected<Descriptor> open_netlink() {
  const auto number = retry_on_eintr(Call::socket, [] {
    return ::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
  });
  if (!number) return std::unexpected(number.error());
  return Descriptor::adopt(*number);
}

/// Queries the kernel on a new netlink socket, which therefore receives no other answer, and visits
/// what it answers about each socket: a unix_diag_msg or inet_diag_msg, then attributes.
template <typename Body, typename Visit>
Expected<void> for_each_socket(const Descriptor& netlink, const RequestOf<Body>& request,
                               const Visit& visit) {
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

template <typename Body, typename Visit>
Expected<void> for_each_socket(const RequestOf<Body>& request, const Visit& visit) {
  const auto netlink = open_netlink();
  if (!netlink) return std::unexpected(netlink.error());
  return for_each_socket(*netlink, request, visit);
}

/// Finds the one listening socket with an attribute that `is_it` accepts.
template <typename IsIt>
Expected<ListeningSocket> find_listening(unsigned shown, const IsIt& is_it) {
  Expected<ListeningSocket> found = std::unexpected(ENOENT);
  std::size_t count = 0;
  const auto asked = for_each_socket(
      sockets_in(1U << state_listen, shown | UDIAG_SHOW_RQLEN), [&](ByteView socket) {
        const auto header = value_of<unix_diag_msg>(socket);
        ListeningSocket one{.socket = header.udiag_ino};
        if (header.udiag_type == SOCK_SEQPACKET) one.type = Type::seqpacket;
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
  auto request = about_one<unix_diag_req>();
  request.body.sdiag_family = AF_UNIX;
  request.body.udiag_states = ~0U;
  request.body.udiag_show = UDIAG_SHOW_VFS;
  request.body.udiag_ino = static_cast<std::uint32_t>(own->inode);
  std::ranges::fill(request.body.udiag_cookie, ~0U);  // INET_DIAG_NOCOOKIE: any
  Expected<std::uint32_t> inode = std::unexpected(ENOENT);
  const auto asked = for_each_socket(request, [&](ByteView reply) {
    reply.remove_prefix(std::min(sizeof(unix_diag_msg), reply.size()));
    for_each_record<rtattr>(reply, [&](const rtattr& attribute, ByteView value) {
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

namespace {

inet_diag_sockid to_id(const InternetAddress& its, const InternetAddress& ours) {
  inet_diag_sockid id{};
  id.idiag_sport = htons(its.port);
  id.idiag_dport = htons(ours.port);
  std::copy_n(its.host.begin(), sizeof id.idiag_src, reinterpret_cast<char*>(id.idiag_src));
  std::copy_n(ours.host.begin(), sizeof id.idiag_dst, reinterpret_cast<char*>(id.idiag_dst));
  std::ranges::fill(id.idiag_cookie, ~0U);  // INET_DIAG_NOCOOKIE: any
  return id;
}

/// Whether a socket has these two ends. One of IPv6 that is connected over IPv4, as a program in
/// Java has it, is shown with the IPv6 form of its addresses.
bool connects(const inet_diag_msg& found, const InternetAddress& its, const InternetAddress& ours) {
  const bool v6 = found.idiag_family == AF_INET6;
  const auto& id = found.id;
  return internet_address(v6, id.idiag_src, ntohs(id.idiag_sport)) == its &&
         internet_address(v6, id.idiag_dst, ntohs(id.idiag_dport)) == ours;
}

}  // namespace

Expected<TcpOwner> tcp_owner(int socket, const InternetAddress& its, const InternetAddress& ours) {
  const auto netlink = open_netlink();
  if (!netlink) return std::unexpected(netlink.error());
  // The same two addresses may exist in another network namespace, with other users.
  const auto answering = network_namespace_of(netlink->get());
  if (!answering) return std::unexpected(answering.error());
  const auto connected = network_namespace_of(socket);
  if (!connected) return std::unexpected(connected.error());
  if (*answering != *connected) return std::unexpected(EXDEV);

  auto request = about_one<inet_diag_req_v2>();
  request.body.sdiag_family = its.v6 ? AF_INET6 : AF_INET;
  request.body.sdiag_protocol = IPPROTO_TCP;
  request.body.idiag_states = ~0U;
  request.body.id = to_id(its, ours);
  // Without a connection of these ends, the kernel may answer with a socket that listens there.
  Expected<TcpOwner> owner = std::unexpected(EPROTO);
  const auto asked = for_each_socket(*netlink, request, [&](ByteView answer) {
    const auto found = value_of<inet_diag_msg>(answer);
    if (!connects(found, its, ours)) return;
    owner = TcpOwner{.uid = found.idiag_uid,
                     .established = found.idiag_state == state_established,
                     .held = found.idiag_inode != 0};
  });
  if (!asked) return std::unexpected(asked.error());
  return owner;
}

}  // namespace hallway::sys
