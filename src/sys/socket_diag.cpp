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

#include <algorithm>
#include <array>
#include <string>
#include <vector>

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

Type type_of_kernel(unsigned type) {
  if (type == SOCK_SEQPACKET) return Type::seqpacket;
  return type == SOCK_DGRAM ? Type::datagram : Type::stream;
}

UnixState state_of_kernel(unsigned state) {
  if (state == state_listen) return UnixState::listening;
  return state == state_established ? UnixState::connected : UnixState::unconnected;
}

// The kernel's own encoding of a device number (linux/kdev_t.h).
constexpr unsigned minor_bits = 20;

BoundFile to_file(const unix_diag_vfs& file) {
  return {.major = file.udiag_vfs_dev >> minor_bits,
          .minor = file.udiag_vfs_dev & ((1U << minor_bits) - 1),
          .inode = file.udiag_vfs_ino};
}

void take_waiting(ByteView inodes, std::vector<std::uint64_t>& waiting) {
  for (; inodes.size() >= sizeof(std::uint32_t); inodes.remove_prefix(sizeof(std::uint32_t))) {
    waiting.push_back(value_of<std::uint32_t>(inodes));
  }
}

void take_attribute(unsigned type, ByteView value, UnixSocket& socket) {
  switch (type) {
    case UNIX_DIAG_NAME: socket.name = value; break;
    case UNIX_DIAG_VFS: socket.file = to_file(value_of<unix_diag_vfs>(value)); break;
    case UNIX_DIAG_PEER: socket.peer = value_of<std::uint32_t>(value); break;
    case UNIX_DIAG_ICONS: take_waiting(value, socket.waiting); break;
    case UNIX_DIAG_UID: socket.uid = value_of<std::uint32_t>(value); break;
    case UNIX_DIAG_RQLEN: {
      const auto lengths = value_of<unix_diag_rqlen>(value);
      socket.receive_queue = lengths.udiag_rqueue;
      socket.send_queue = lengths.udiag_wqueue;
      break;
    }
    case UNIX_DIAG_MEMINFO:
      socket.send_limit =
          value_of<std::array<std::uint32_t, SK_MEMINFO_VARS>>(value)[SK_MEMINFO_SNDBUF];
      break;
    case UNIX_DIAG_SHUTDOWN: socket.shut_down = value_of<std::uint8_t>(value); break;
    default: break;
  }
}

UnixSocket to_unix_socket(ByteView reply) {
  const auto header = value_of<unix_diag_msg>(reply);
  UnixSocket socket{.inode = header.udiag_ino,
                    .type = type_of_kernel(header.udiag_type),
                    .state = state_of_kernel(header.udiag_state)};
  reply.remove_prefix(std::min(sizeof(unix_diag_msg), reply.size()));
  for_each_record<rtattr>(reply, [&](const rtattr& attribute, ByteView value) {
    take_attribute(attribute.rta_type, value, socket);
  });
  return socket;
}

constexpr unsigned all_attributes = UDIAG_SHOW_NAME | UDIAG_SHOW_VFS | UDIAG_SHOW_PEER |
                                    UDIAG_SHOW_ICONS | UDIAG_SHOW_RQLEN | UDIAG_SHOW_UID;

constexpr unsigned attributes_of_connections =
    all_attributes | UDIAG_SHOW_MEMINFO;  // the kernel adds the shutdown flags by itself

Request about_socket(std::uint64_t inode, unsigned shown) {
  auto request = about_one<unix_diag_req>();
  request.body.sdiag_family = AF_UNIX;
  request.body.udiag_states = ~0U;
  request.body.udiag_show = shown;
  request.body.udiag_ino = static_cast<std::uint32_t>(inode);
  std::ranges::fill(request.body.udiag_cookie, ~0U);  // INET_DIAG_NOCOOKIE: any
  return request;
}

/// Finds the one listening socket that `is_it` accepts.
template <typename IsIt>
Expected<ListeningSocket> find_listening(unsigned shown, const IsIt& is_it) {
  Expected<ListeningSocket> found = std::unexpected(ENOENT);
  std::size_t count = 0;
  const auto asked = for_each_socket(
      sockets_in(1U << state_listen, shown | UDIAG_SHOW_RQLEN), [&](ByteView reply) {
        const UnixSocket one = to_unix_socket(reply);
        if (!is_it(one)) return;
        ++count;
        found =
            ListeningSocket{.socket = one.inode, .waiting = one.receive_queue, .type = one.type};
      });
  if (!asked) return std::unexpected(asked.error());
  if (count > 1) return std::unexpected(ENOTUNIQ);
  return found;
}

}  // namespace

Expected<ListeningSocket> listening_by_file(const BoundFile& file) {
  return find_listening(UDIAG_SHOW_VFS,
                        [&](const UnixSocket& socket) { return socket.file == file; });
}

Expected<ListeningSocket> listening_by_name(const std::string& name) {
  return find_listening(UDIAG_SHOW_NAME,
                        [wanted = std::string(1, '\0') + name](const UnixSocket& socket) {
                          return socket.name == wanted;
                        });
}

Expected<std::vector<UnixSocket>> unconnected_sockets() {
  std::vector<UnixSocket> sockets;
  const unsigned states = (1U << state_close) | (1U << state_established) | (1U << state_listen);
  const auto asked = for_each_socket(sockets_in(states, all_attributes), [&](ByteView reply) {
    const auto header = value_of<unix_diag_msg>(reply);
    // A datagram socket still receives from others when it is connected to one.
    if (header.udiag_state == state_established && header.udiag_type != SOCK_DGRAM) return;
    sockets.push_back(to_unix_socket(reply));
  });
  if (!asked) return std::unexpected(asked.error());
  return sockets;
}

Expected<std::vector<UnixSocket>> all_unix_sockets() {
  std::vector<UnixSocket> sockets;
  const auto asked =
      for_each_socket(sockets_in(~0U, attributes_of_connections),
                      [&](ByteView reply) { sockets.push_back(to_unix_socket(reply)); });
  if (!asked) return std::unexpected(asked.error());
  return sockets;
}

Expected<UnixSocket> unix_socket(std::uint64_t inode) {
  Expected<UnixSocket> found = std::unexpected(ENOENT);
  const auto asked = for_each_socket(about_socket(inode, all_attributes),
                                     [&](ByteView reply) { found = to_unix_socket(reply); });
  if (!asked) return std::unexpected(asked.error());
  return found;
}

Expected<std::uint32_t> inode_of(int socket) {
  const auto own = identify(socket);
  if (!own) return std::unexpected(own.error());
  Expected<std::uint32_t> inode = std::unexpected(ENOENT);
  const auto asked = for_each_socket(about_socket(own->inode, UDIAG_SHOW_VFS), [&](ByteView reply) {
    if (const auto file = to_unix_socket(reply).file) inode = file->inode;
  });
  if (!asked) return std::unexpected(asked.error());
  return inode;
}

Expected<std::map<std::string, std::uint32_t>> abstract_datagram_names() {
  std::map<std::string, std::uint32_t> names;
  const auto asked = for_each_socket(
      sockets_in((1U << state_close) | (1U << state_established), UDIAG_SHOW_NAME | UDIAG_SHOW_UID),
      [&](ByteView socket) {
        const UnixSocket one = to_unix_socket(socket);
        if (one.type != Type::datagram || !one.name.starts_with('\0')) return;
        names.emplace(one.name.substr(1), one.uid.value_or(0));
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
