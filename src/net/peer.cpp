// SPDX-License-Identifier: Apache-2.0
#include <hallway/peer.hpp>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <system_error>
#include <utility>

#include <hallway/bytes.hpp>

#include "sys/event.hpp"
#include "sys/file.hpp"
#include "sys/socket.hpp"

namespace hallway {

Result<Peer> Peer::of(int socket) {
  const auto peer = sys::peer_credentials(socket);
  if (!peer) return sys::failure(peer.error(), "identify", "the peer");
  return Peer{peer->uid, peer->gid, peer->pid};
}

Result<std::vector<std::uint32_t>> Peer::groups_of(int socket) {
  auto groups = sys::peer_groups(socket);
  if (!groups) return sys::failure(groups.error(), "identify", "the peer's groups");
  return std::move(*groups);
}

Result<Descriptor> Peer::pidfd_of(int socket) {
  auto pidfd = sys::peer_pidfd(socket);
  if (pidfd) return std::move(*pidfd);
  return sys::failure(pidfd.error(), "identify", "the peer's process",
                      pidfd.error() == ENOPROTOOPT ? "this kernel is older than 6.5" : "");
}

Result<PidStatus> Peer::identity_of(int socket) {
  const auto pidfd = pidfd_of(socket);
  if (!pidfd) {
    if (pidfd.error().code == std::errc::no_protocol_option) return PidStatus::unverified;
    // Kernels before 6.16 report this for a process that is gone.
    if (pidfd.error().code == std::errc::invalid_argument) return PidStatus::ended;
    return std::unexpected(pidfd.error());
  }
  // A pidfd is readable once its process has ended.
  const auto ended = sys::poll_one(pidfd->get(), sys::event_readable, Duration::zero());
  if (!ended) return sys::failure(ended.error(), "identify", "the peer's process");
  return *ended ? PidStatus::ended : PidStatus::running;
}

std::string_view to_string(PidStatus identity) noexcept {
  switch (identity) {
    case PidStatus::running: return "running";
    case PidStatus::ended: return "ended";
    case PidStatus::unverified: return "unverified";
  }
  return "unknown identity";
}

std::string Peer::process_name() const {
  if (pid <= 0) return {};
  std::ifstream file("/proc/" + std::to_string(pid) + "/comm");
  std::string name;
  std::getline(file, name);
  return name;
}

std::string Peer::executable() const {
  if (pid <= 0) return {};
  std::error_code error;
  const auto path = std::filesystem::read_symlink("/proc/" + std::to_string(pid) + "/exe", error);
  return printable(path.native());
}

std::string Peer::to_string() const {
  if (over_tcp) {
    const std::string user = uid == overflow_uid ? "unknown uid" : "uid " + std::to_string(uid);
    return user + ", over TCP";
  }
  const std::string name = process_name();
  const std::string process = pid > 0 ? "pid " + std::to_string(pid) : "pid unknown";
  return process + (name.empty() ? "" : " (" + printable(name) + ")") + ", uid " +
         std::to_string(uid);
}

Result<AllowRule> AllowRule::parse(std::string_view text) {
  if (text == "any") return allow::any();
  if (text == "root") return allow::root();
  if (text == "same-uid") return allow::same_uid();
  const std::size_t colon = text.find(':');
  if (colon != std::string_view::npos && colon + 1 < text.size()) {
    const std::string_view word = text.substr(0, colon);
    const std::string_view who = text.substr(colon + 1);
    if (word == "uid") return allow::user(who);
    if (word == "gid" || word == "group") return allow::group(who);
  }
  return sys::failure(EINVAL, "rule", std::string(text), "not a rule",
                      "use uid:U, gid:G, group:NAME, same-uid, root or any");
}

std::string AllowRule::to_string() const {
  const std::string who = name.empty() ? std::to_string(id) : printable(name);
  switch (kind) {
    case Kind::any: return "any";
    case Kind::root: return "root";
    case Kind::same_uid: return "same-uid";
    case Kind::uid: return "uid:" + who;
    case Kind::gid: return (name.empty() ? "gid:" : "group:") + who;
  }
  return {};
}

Result<AllowRule> AllowRule::resolved() const {
  AllowRule rule = *this;
  if (!name.empty()) {
    const auto found = kind == Kind::uid ? user_id(name) : group_id(name);
    if (!found) return std::unexpected(found.error());
    rule = {kind, *found, {}};
  }
  if ((kind == Kind::uid || kind == Kind::gid) && rule.id == Peer::overflow_uid) {
    return sys::failure(
        EINVAL, "rule", to_string(),
        std::to_string(rule.id) + " stands for every user outside this user namespace",
        "no rule can name one of them; \"any\" admits them all");
  }
  return rule;
}

Result<std::vector<AllowRule>> resolved(std::span<const AllowRule> rules) {
  std::vector<AllowRule> all;
  all.reserve(rules.size());
  for (const AllowRule& rule : rules) {
    auto one = rule.resolved();
    if (!one) return std::unexpected(std::move(one.error()));
    all.push_back(std::move(*one));
  }
  return all;
}

bool AllowRule::admits(const Peer& peer, std::span<const std::uint32_t> groups) const {
  // The overflow uid stands for all users outside our user namespace, so it identifies none of
  // them.
  if (peer.uid == Peer::overflow_uid) return kind == Kind::any;
  switch (kind) {
    case Kind::any: return true;
    case Kind::root: return peer.uid == 0;
    case Kind::same_uid: return peer.uid == sys::effective_uid();
    case Kind::uid: return peer.uid == id;
    case Kind::gid:
      return id != Peer::overflow_uid &&
             (peer.gid == id || std::ranges::find(groups, id) != groups.end());
  }
  return false;
}

}  // namespace hallway
