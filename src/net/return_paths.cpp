// SPDX-License-Identifier: Apache-2.0
#include "net/return_paths.hpp"

#include <algorithm>

#include <hallway/bytes.hpp>

#include "net/resolve.hpp"
#include "sys/file.hpp"
#include "sys/socket_diag.hpp"

namespace hallway::net {

namespace {

using namespace std::chrono_literals;

// Each entry keeps a descriptor open.
constexpr std::size_t most_known = 32;

// How long the kernel's answer about the holder of a name is trusted. One request then serves a
// sender that gets thousands of answers, and a name that changes hands is noticed soon.
constexpr Duration names_last = 100ms;

std::unexpected<Error> refused(const Address& address, std::string reason) {
  return sys::failure(
      EPERM, "answer", address.unescaped(), std::move(reason),
      "a client that expects answers binds a path of its own, or lets the kernel pick a name");
}

/// The overflow uid stands for every user that this user namespace does not map. Only a process
/// that runs with it itself may serve it: that gives the sender no right that it does not have.
bool is_somebody(std::uint32_t uid) {
  return uid != Peer::overflow_uid || uid == sys::effective_uid();
}

/// The file that a path means to its sender. The pid may belong to another process by now; the
/// caller checks the owner of the file in any case.
sys::Expected<Descriptor> open_as_sender(const std::string& path, const Peer& sender) {
  const bool absolute = path.starts_with('/');
  const char* place = absolute ? "/root" : "/cwd";
  auto seen = sender.pid > 0 ? sys::open_directory("/proc/" + std::to_string(sender.pid) + place)
                             : sys::Expected<Descriptor>(std::unexpected(ENOENT));
  if (!seen && absolute) seen = sys::open_directory("/");
  if (!seen) return std::unexpected(EPERM);
  return sys::open_name_within(seen->get(), path);
}

}  // namespace

Result<sys::SocketAddress> ReturnPaths::find(const Address& address, const Peer& sender) {
  switch (address.kind()) {
    case Address::Kind::path: return find_path(address, sender);
    case Address::Kind::abstract: return find_abstract(address, sender);
    default:
      return sys::failure(EDESTADDRREQ, "answer", address.unescaped(),
                          "the sender has no address for answers",
                          "a datagram client that expects answers binds an address of its own");
  }
}

Result<sys::SocketAddress> ReturnPaths::find_path(const Address& address, const Peer& sender) {
  const auto known = std::ranges::find_if(known_, [&](const Known& one) {
    return one.sender.uid == sender.uid && one.sender.pid == sender.pid && one.address == address;
  });
  if (known != known_.end()) {
    known_.splice(known_.begin(), known_, known);
    return known->there;
  }
  auto file = open_as_sender(address.name(), sender);
  if (!file && file.error() == EPERM) {
    return refused(address, "the path is relative, and the working directory of " +
                                sender.to_string() + " is not visible to us");
  }
  if (!file && (file.error() == ELOOP || file.error() == EXDEV)) {
    return refused(address, "the path leads through a link");
  }
  if (!file) return connect_error(file.error(), "answer", address);
  const auto found = sys::identify(file->get());
  if (!found) return connect_error(found.error(), "answer", address);
  const bool theirs = found->uid == sender.uid && is_somebody(sender.uid);
  if (found->kind != sys::FileKind::socket || !theirs) {
    return refused(address, "that is not a socket of uid " + std::to_string(sender.uid) +
                                ", which sent the datagram");
  }
  if (known_.size() >= most_known) known_.pop_back();
  const auto there = sys::SocketAddress::path(sys::proc_path(file->get()));
  known_.push_front({address, sender, std::move(*file), there});
  return there;
}

Result<sys::SocketAddress> ReturnPaths::find_abstract(const Address& address, const Peer& sender) {
  const auto there = sys::SocketAddress::abstract(address.name());
  const auto now = Loop::Clock::now();
  const bool fresh = now - names_read_ < names_last;
  if (fresh && holder_of(address) == sender.uid && is_somebody(sender.uid)) return there;
  auto names = sys::abstract_datagram_names();
  if (!names) return there;  // without netlink the owner is unknown (see the header)
  names_ = std::move(*names);
  names_read_ = now;
  const auto holder = holder_of(address);
  // The socket is gone, or it is in another network namespace and unknown here.
  if (!holder) return connect_error(ECONNREFUSED, "answer", address);
  if (*holder == sender.uid && is_somebody(sender.uid)) return there;
  return refused(address, "that is a socket of uid " + std::to_string(*holder) + ", not of uid " +
                              std::to_string(sender.uid) + ", which sent the datagram");
}

std::optional<std::uint32_t> ReturnPaths::holder_of(const Address& address) const {
  const auto name = names_.find(std::string(address.name()));
  return name == names_.end() ? std::nullopt : std::optional(name->second);
}

void ReturnPaths::forget(const Address& address) {
  std::erase_if(known_, [&](const Known& one) { return one.address == address; });
}

}  // namespace hallway::net
