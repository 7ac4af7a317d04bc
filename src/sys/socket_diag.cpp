// SPDX-License-Identifier: Apache-2.0
#include "sys/socket_diag.hpp"

#include <fcntl.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <linux/unix_diag.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <sstream>
#include <string>

#include <hallway/bytes.hpp>
#include <hallway/descriptor.hpp>
#include <hallway/limits.hpp>

namespace hallway::sys {

namespace {

// Of net/tcp_states.h: how the kernel names a bound and a listening socket.
constexpr unsigned state_close = 7;
constexpr unsigned state_listen = 10;

struct Request {
  nlmsghdr header;
  unix_diag_req body;
};

Request all_that_could_be_connected_to() {
  Request request{};
  request.header.nlmsg_len = sizeof request;
  request.header.nlmsg_type = SOCK_DIAG_BY_FAMILY;
  request.header.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
  request.body.sdiag_family = AF_UNIX;
  request.body.udiag_states = (1U << state_close) | (1U << state_listen);
  request.body.udiag_show = UDIAG_SHOW_VFS | UDIAG_SHOW_UID;
  return request;
}

std::size_t length_of(const nlmsghdr& header) { return header.nlmsg_len; }
std::size_t length_of(const rtattr& header) { return header.rta_len; }

/// Netlink is records in records, each with its length in front and padded to 4 bytes.
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

// The file system's device is not compared: overlays show another one to stat(2). That the
// socket belongs to the file's owner keeps others from passing off an inode of the same number.
bool describes(ByteView socket, const FileIdentity& file) {
  bool same_inode = false;
  bool same_owner = false;
  socket.remove_prefix(std::min(sizeof(unix_diag_msg), socket.size()));
  for_each_record<rtattr>(socket, [&](const rtattr& attribute, ByteView value) {
    if (attribute.rta_type == UNIX_DIAG_VFS) {
      const auto inode = value_of<unix_diag_vfs>(value).udiag_vfs_ino;
      same_inode = inode == static_cast<std::uint32_t>(file.inode);
    } else if (attribute.rta_type == UNIX_DIAG_UID) {
      same_owner = value_of<std::uint32_t>(value) == file.uid;
    }
  });
  return same_inode && same_owner;
}

}  // namespace

Expected<bool> is_bound(const FileIdentity& file) {
  const auto number = uninterrupted(Call::socket, [] {
    return ::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
  });
  if (!number) return std::unexpected(number.error());
  const auto netlink = Descriptor::adopt(*number);

  const Request request = all_that_could_be_connected_to();
  const auto asked =
      succeeded(Call::sendmsg, [&] { return ::send(netlink.get(), &request, sizeof request, 0); });
  if (!asked) return std::unexpected(asked.error());

  std::array<char, 32 * kibibyte> buffer;  // what iproute2 reads at once, too
  Expected<bool> found = false;
  for (bool done = false; !done;) {
    const auto got = uninterrupted(
        Call::recvmsg, [&] { return ::recv(netlink.get(), buffer.data(), buffer.size(), 0); });
    if (!got) return std::unexpected(got.error());
    const ByteView answer(buffer.data(), static_cast<std::size_t>(*got));
    done = answer.empty();
    for_each_record<nlmsghdr>(answer, [&](const nlmsghdr& header, ByteView body) {
      done = done || header.nlmsg_type == NLMSG_DONE || header.nlmsg_type == NLMSG_ERROR;
      if (header.nlmsg_type == NLMSG_ERROR) {
        found = std::unexpected(-value_of<nlmsgerr>(body).error);
      } else if (header.nlmsg_type == SOCK_DIAG_BY_FAMILY && describes(body, file)) {
        found = true;
      }
    });
  }
  return found;
}

bool is_starting(const FileIdentity& file) {
  std::ifstream table("/proc/self/net/unix");
  std::string line;
  std::getline(table, line);  // the headings
  while (std::getline(table, line)) {
    std::istringstream text(line);
    std::array<std::string, 7> fields;  // number, references, protocol, flags, type, state, inode
    for (std::string& field : fields) text >> field;
    // A listener answers for itself, and an accepted connection only shows its listener's path.
    const bool idle = fields[3] == "00000000" && fields[5] == "01";
    std::string path;
    if (!idle || !std::getline(text >> std::ws, path)) continue;
    const auto named = identify(AT_FDCWD, path);
    if (named && named->same_file(file)) return true;
  }
  return false;
}

}  // namespace hallway::sys
