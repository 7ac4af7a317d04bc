// SPDX-License-Identifier: Apache-2.0
#include "net/diagnosis/gather_connections.hpp"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <hallway/descriptor.hpp>

#include "core/number.hpp"
#include "net/diagnosis/accounts.hpp"
#include "net/diagnosis/connection_sockets.hpp"
#include "net/diagnosis/kernel_text.hpp"
#include "net/diagnosis/processes.hpp"
#include "net/diagnosis/thread_calls.hpp"
#include "sys/event.hpp"
#include "sys/foreign_socket.hpp"
#include "sys/inspect.hpp"
#include "sys/process.hpp"
#include "sys/socket.hpp"
#include "sys/socket_diag.hpp"

namespace hallway::net {

namespace {

constexpr std::chrono::seconds time_for_holders{2};
/// Between the two looks: a program that is at work has read something by then.
constexpr std::chrono::milliseconds time_between_looks{150};
/// Of this many connections, the descriptors are looked at one by one.
constexpr std::size_t most_details = 256;

// CAP_DAC_OVERRIDE (linux/capability.h).
constexpr unsigned override_permissions = 1;

bool is_bound_datagram(const sys::UnixSocket& socket) {
  return socket.type == sys::Type::datagram && !socket.name.empty();
}

struct Sent {
  std::uint64_t senders = 0;
  std::uint64_t bytes = 0;
};

/// Looks at the sockets of one process.
class Gathering {
 public:
  Gathering(std::int32_t pid, const std::optional<Address>& to, Sockets sockets)
      : pid_(pid), sockets_(std::move(sockets)) {
    evidence_.to = to;
    if (to) place_.emplace(*to);
    for (const auto& [inode, socket] : sockets_) {
      if (socket.type == sys::Type::datagram && socket.peer.value_or(0) != 0) {
        auto& sent = sent_to_[*socket.peer];
        ++sent.senders;
        sent.bytes += socket.send_queue;
      }
      for (const std::uint64_t client : socket.waiting) waits_at_.emplace(client, inode);
      if (socket.state == sys::UnixState::listening) listening_.emplace(socket.name, inode);
    }
  }

  Result<ConnectionEvidence> run() &&;

 private:
  Result<void> find_own();
  void choose(const Holders& own);
  [[nodiscard]] bool leads_to_place(const sys::UnixSocket& socket) const;
  void add(const sys::UnixSocket& socket);
  void add_accept_queue(const sys::UnixSocket& socket, ConnectionEnd& end);
  [[nodiscard]] AcceptQueue to_queue(const sys::UnixSocket& listening) const;
  void add_receivers();
  void add_full_queues();

  void find_holders_of_all();
  [[nodiscard]] std::set<std::uint64_t> inodes_to_find() const;
  std::vector<EndHolder> holders_of(std::uint64_t inode);
  EndHolder to_holder(std::int32_t pid, std::uint64_t inode);
  const Process& process(std::int32_t pid);
  const Attention& attention(std::int32_t pid);

  void look_closer(ConnectionEnd& end);
  std::optional<Descriptor> copy_of(const std::vector<EndHolder>& holders, std::int32_t pid);
  void look_at_far_end(ConnectionEnd& end);
  void look_at_reply_path(ConnectionEnd& end);
  void look_again();
  [[nodiscard]] bool has_changed(const ConnectionEnd& end, const Sockets& now) const;
  void note_unseen();

  std::int32_t pid_;
  Sockets sockets_;
  std::optional<Place> place_;
  std::map<std::uint64_t, Sent> sent_to_;
  std::map<std::uint64_t, std::uint64_t> waits_at_;  ///< from a client to what listens
  std::multimap<std::string, std::uint64_t> listening_;
  Holders holders_;
  Accounts accounts_;
  std::map<std::int32_t, Process> processes_;
  std::map<std::int32_t, Attention> attentions_;
  std::map<std::int32_t, Descriptor> pidfds_;
  ConnectionEvidence evidence_;
};

const Process& Gathering::process(std::int32_t pid) {
  const auto known = processes_.find(pid);
  if (known != processes_.end()) return known->second;
  return processes_.emplace(pid, look_at_process(pid, accounts_)).first->second;
}

const Attention& Gathering::attention(std::int32_t pid) {
  const auto known = attentions_.find(pid);
  if (known != attentions_.end()) return known->second;
  return attentions_.emplace(pid, attention_of(pid)).first->second;
}

// --- which sockets ------------------------------------------------------------------------------

Result<void> Gathering::find_own() {
  const std::string subject = "pid " + std::to_string(pid_);
  const auto found = sys::open_pidfd(pid_);
  if (!found && (found.error() == ESRCH || found.error() == EINVAL)) {
    return sys::failure(ESRCH, "diagnose", subject);
  }
  std::set<std::uint64_t> all;
  for (const auto& [inode, socket] : sockets_) all.insert(inode);
  const Holders own = find_holders({pid_}, all, Clock::now() + time_for_holders);
  const bool hidden = own.hidden > 0 || !sys::details_at(proc_file(pid_, "stat"));
  if (hidden) {
    return sys::failure(
        EACCES, "diagnose", subject,
        "its descriptors are not to be seen: it is of another user, or changed its user",
        "run it as that user, or as root");
  }
  evidence_.process = process(pid_);
  choose(own);
  return {};
}

bool Gathering::leads_to_place(const sys::UnixSocket& socket) const {
  if (!place_ || place_->is_at(socket)) return true;
  const auto peer = sockets_.find(socket.peer.value_or(0));
  if (peer != sockets_.end() && place_->is_at(peer->second)) return true;
  const auto queue = waits_at_.find(socket.inode);
  if (queue != waits_at_.end() && place_->is_at(sockets_.at(queue->second))) return true;
  // Nobody knows where the rest of them lead, or led.
  return socket.name.empty() && socket.peer.value_or(0) == 0 && queue == waits_at_.end() &&
         socket.state != sys::UnixState::listening;
}

void Gathering::choose(const Holders& own) {
  evidence_.sockets = own.of.size();
  for (const auto& [inode, holdings] : own.of) {
    const sys::UnixSocket& socket = sockets_.at(inode);
    if (socket.state == sys::UnixState::listening || !leads_to_place(socket)) continue;
    add(socket);
  }
}

AcceptQueue Gathering::to_queue(const sys::UnixSocket& listening) const {
  AcceptQueue queue;
  queue.name = shown_name(listening);
  queue.waiting = listening.receive_queue;
  queue.backlog = listening.send_queue;
  return queue;
}

void Gathering::add_accept_queue(const sys::UnixSocket& socket, ConnectionEnd& end) {
  const auto found = waits_at_.find(socket.inode);
  if (found == waits_at_.end()) return;
  const sys::UnixSocket& listening = sockets_.at(found->second);
  AcceptQueue queue = to_queue(listening);
  for (const std::uint64_t client : listening.waiting) {
    if (client == socket.inode) break;
    ++queue.position;
    if (client == 0) ++queue.ahead_gone;
  }
  end.waits_at = std::move(queue);
}

void Gathering::add(const sys::UnixSocket& socket) {
  ConnectionEnd end;
  end.here = to_end(socket);
  const auto peer = sockets_.find(socket.peer.value_or(0));
  if (peer != sockets_.end()) end.there = to_end(peer->second);
  add_accept_queue(socket, end);
  if (socket.type == sys::Type::datagram) {
    if (const auto sent = sent_to_.find(socket.inode); sent != sent_to_.end()) {
      end.senders = sent->second.senders;
      end.senders_unread = sent->second.bytes;
    }
    if (const auto sent = sent_to_.find(socket.peer.value_or(0)); sent != sent_to_.end()) {
      end.far_senders_unread = sent->second.bytes;
    }
  }
  evidence_.connections.push_back(std::move(end));
}

void Gathering::add_receivers() {
  if (!place_) return;
  for (const auto& each : sockets_) {
    const sys::UnixSocket& socket = each.second;
    if (!is_bound_datagram(socket) || !place_->is_at(socket)) continue;
    const bool is_peer = std::ranges::any_of(evidence_.connections, [&](const ConnectionEnd& end) {
      return end.here.inode == socket.inode || end.here.inode == socket.peer;
    });
    evidence_.receivers.push_back({to_end(socket), is_peer});
  }
}

void Gathering::add_full_queues() {
  for (const auto& [name, inode] : listening_) {
    const sys::UnixSocket& socket = sockets_.at(inode);
    if (place_ && !place_->is_at(socket)) continue;
    if (socket.receive_queue > socket.send_queue) {
      evidence_.full_queues.push_back(to_queue(socket));
    }
  }
}

// --- who has them open --------------------------------------------------------------------------

std::set<std::uint64_t> Gathering::inodes_to_find() const {
  std::set<std::uint64_t> wanted;
  for (const ConnectionEnd& end : evidence_.connections) {
    wanted.insert(end.here.inode);
    if (!end.there) {
      if (const auto at = waits_at_.find(end.here.inode); at != waits_at_.end()) {
        wanted.insert(at->second);
      }
      continue;
    }
    wanted.insert(end.there->inode);
    const auto [first, last] = listening_.equal_range(sockets_.at(end.there->inode).name);
    for (auto each = first; each != last; ++each) wanted.insert(each->second);
  }
  return wanted;
}

EndHolder Gathering::to_holder(std::int32_t pid, std::uint64_t inode) {
  EndHolder holder;
  holder.process = process(pid);
  for (const Holding& holding : holders_.of.at(inode)) {
    if (holding.pid == pid) holder.descriptors.push_back(holding.descriptor);
  }
  const Attention& of_pid = attention(pid);
  holder.reads = of_pid.calls_on(ThreadCall::Kind::read, holder.descriptors);
  holder.writes = of_pid.calls_on(ThreadCall::Kind::write, holder.descriptors);
  holder.connects = of_pid.calls_on(ThreadCall::Kind::connect, holder.descriptors);
  holder.attends = of_pid.attends(inode, holder.descriptors);
  holder.waits_for_other = of_pid.waits_for_other(holder.descriptors);
  return holder;
}

std::vector<EndHolder> Gathering::holders_of(std::uint64_t inode) {
  std::vector<EndHolder> found;
  const auto holdings = holders_.of.find(inode);
  if (holdings == holders_.of.end()) return found;
  std::set<std::int32_t> pids;
  for (const Holding& holding : holdings->second) pids.insert(holding.pid);
  for (const std::int32_t pid : pids) found.push_back(to_holder(pid, inode));
  return found;
}

void Gathering::find_holders_of_all() {
  holders_ = find_holders(all_processes(), inodes_to_find(), Clock::now() + time_for_holders);
  for (ConnectionEnd& end : evidence_.connections) {
    end.here.holders = holders_of(end.here.inode);
    if (end.waits_at) end.waits_at->holders = holders_of(waits_at_.at(end.here.inode));
    if (!end.there) continue;
    end.there->holders = holders_of(end.there->inode);
    const auto& name = sockets_.at(end.there->inode).name;
    if (name.empty()) continue;
    const auto [first, last] = listening_.equal_range(name);
    for (auto each = first; each != last; ++each) {
      const auto holdings = holders_.of.find(each->second);
      if (holdings == holders_.of.end()) continue;
      for (const Holding& one : holdings->second) end.listener_holders.push_back(one.pid);
    }
  }
}

// --- one by one ---------------------------------------------------------------------------------

std::optional<Descriptor> Gathering::copy_of(const std::vector<EndHolder>& holders,
                                             std::int32_t pid) {
  const auto holder =
      std::ranges::find_if(holders, [&](const EndHolder& each) { return each.process.pid == pid; });
  if (holder == holders.end() || holder->descriptors.empty()) return std::nullopt;
  auto known = pidfds_.find(pid);
  if (known == pidfds_.end()) {
    auto opened = sys::open_pidfd(pid);
    if (!opened) return std::nullopt;
    known = pidfds_.emplace(pid, std::move(*opened)).first;
  }
  const auto number = core::parse_number<int>(holder->descriptors.front());
  auto copy = number ? sys::copy_descriptor(known->second.get(), *number) : std::unexpected(EBADF);
  return copy ? std::optional(std::move(*copy)) : std::nullopt;
}

/// "scm_fds: 3"
std::optional<std::uint64_t> descriptors_waiting(std::string_view text) {
  constexpr std::string_view word = "scm_fds:";
  const auto at = text.find(word);
  if (at == std::string_view::npos) return std::nullopt;
  const auto words = split(text.substr(at + word.size()), " \t\n");
  return words.empty() ? std::nullopt : core::parse_number<std::uint64_t>(words[0]);
}

void Gathering::look_at_far_end(ConnectionEnd& end) {
  if (end.there->holders.empty()) return;
  const EndHolder& holder = end.there->holders.front();
  if (holder.descriptors.empty()) return;
  end.there->descriptors_waiting =
      descriptors_waiting(proc_text(holder.process.pid, "fdinfo/" + holder.descriptors.front()));
  if (const auto copy = copy_of(end.there->holders, holder.process.pid)) {
    const auto takes = sys::takes_descriptors(copy->get());
    if (takes) end.there->takes_descriptors = *takes;
  }
}

void Gathering::look_at_reply_path(ConnectionEnd& end) {
  const std::string& name = end.here.name;
  if (end.here.type != SocketType::datagram || !name.starts_with('/')) return;
  if (end.there->holders.empty()) return;
  const std::int32_t server = end.there->holders.front().process.pid;
  const auto details = sys::details_at(name);
  const auto status = parse_status(proc_text(server, "status"));
  const auto& file = sockets_.at(end.here.inode).file;
  if (!details || !status || !file) return;
  if (file->inode != static_cast<std::uint32_t>(details->inode)) return;
  ReplyPath reply;
  reply.file.path = name;
  reply.file.kind = StepKind::socket;
  reply.file.owner = details->uid;
  reply.file.group = details->gid;
  reply.file.owner_name = accounts_.user_name(details->uid);
  reply.file.group_name = accounts_.group_name(details->gid);
  reply.file.mode = details->mode & 07777U;
  if (const auto acl = sys::extended_attribute(name, "system.posix_acl_access")) {
    reply.file.acl = parse_acl(*acl);
  }
  reply.server.kind = Subject::Kind::process;
  reply.server.pid = server;
  reply.server.command = status->name;
  reply.server.uid = status->uid;
  reply.server.gid = status->gid;
  reply.server.user = accounts_.user_name(status->uid);
  reply.server.groups = status->groups;
  reply.server.overrides_permissions = ((status->capabilities >> override_permissions) & 1U) != 0;
  end.reply_path = std::move(reply);
}

void Gathering::look_closer(ConnectionEnd& end) {
  if (!end.there) return;
  look_at_far_end(end);
  look_at_reply_path(end);
  const auto copy = copy_of(end.here.holders, pid_);
  if (!copy) return;
  if (end.here.type == SocketType::datagram) {
    const auto room = sys::has_room_to_send(copy->get());
    if (room) end.takes_datagrams = *room;
  } else if (!end.there->name.empty()) {
    const auto peer = sys::peer_credentials(copy->get());
    if (peer) end.listener_pid = peer->pid;
  }
}

// --- the second look ----------------------------------------------------------------------------

bool needs_second_look(const ConnectionEnd& end) {
  const bool no_peer = end.here.state == End::State::connected && end.here.peer.value_or(0) == 0;
  return no_peer || end.here.unread > 0 || end.here.sent_unread > 0 || end.senders_unread > 0;
}

bool differs(const sys::UnixSocket& first, const Sockets& now) {
  const auto second = now.find(first.inode);
  return second == now.end() || second->second.receive_queue != first.receive_queue ||
         second->second.send_queue != first.send_queue || second->second.peer != first.peer ||
         second->second.shut_down != first.shut_down;
}

bool Gathering::has_changed(const ConnectionEnd& end, const Sockets& now) const {
  if (differs(sockets_.at(end.here.inode), now)) return true;
  return end.there && differs(sockets_.at(end.there->inode), now);
}

void Gathering::look_again() {
  if (std::ranges::none_of(evidence_.connections, needs_second_look)) return;
  sys::pause_for(time_between_looks);
  const auto now = list_sockets();
  if (!now) return;
  for (ConnectionEnd& end : evidence_.connections) {
    if (needs_second_look(end)) end.moved = has_changed(end, *now);
  }
}

void Gathering::note_unseen() {
  auto& unseen = evidence_.unseen;
  if (holders_.hidden > 0) {
    unseen.push_back("the descriptors of " + std::to_string(holders_.hidden) +
                     " processes of other users: one of them may have an end of a connection open");
  }
  if (holders_.cut_short) {
    unseen.emplace_back("the descriptors of some processes: there was not enough time");
  }
  if (evidence_.connections.size() > most_details) {
    unseen.push_back("details of all but " + std::to_string(most_details) + " of its sockets");
  }
  const auto theirs = network_of(pid_);
  if (theirs && theirs != network_of(0)) {
    unseen.push_back(
        "sockets that it made in its own network namespace; to see them: nsenter "
        "--net --target " +
        std::to_string(pid_) + " hallway diagnose --pid " + std::to_string(pid_));
  }
}

Result<ConnectionEvidence> Gathering::run() && {
  if (auto found = find_own(); !found) return std::unexpected(std::move(found.error()));
  add_receivers();
  add_full_queues();
  find_holders_of_all();
  const std::size_t details = std::min(most_details, evidence_.connections.size());
  for (std::size_t at = 0; at < details; ++at) look_closer(evidence_.connections[at]);
  std::string limit = proc_text(-1, "sys/net/unix/max_dgram_qlen");
  limit.resize(std::min(limit.find('\n'), limit.size()));
  evidence_.datagram_queue_limit = core::parse_number<std::uint64_t>(limit);
  look_again();
  note_unseen();
  return std::move(evidence_);
}

}  // namespace

Result<ConnectionEvidence> gather_connections(std::int32_t pid, const std::optional<Address>& to) {
  if (to && to->kind() != Address::Kind::path && to->kind() != Address::Kind::abstract) {
    return sys::failure(EINVAL, "diagnose", to->unescaped(),
                        "only a path or an abstract name can be looked at");
  }
  auto sockets = list_sockets();
  if (!sockets) {
    return sys::failure(sockets.error(), "diagnose", "pid " + std::to_string(pid),
                        "the kernel does not list its sockets (unix_diag, netlink)");
  }
  return Gathering(pid, to, std::move(*sockets)).run();
}

}  // namespace hallway::net
