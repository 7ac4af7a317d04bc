// SPDX-License-Identifier: Apache-2.0
#include "net/diagnosis/probe.hpp"

#include <array>
#include <cerrno>
#include <optional>
#include <utility>

#include <hallway/peer.hpp>

#include "net/diagnosis/servers.hpp"
#include "net/resolve.hpp"
#include "net/socket_type.hpp"
#include "sys/event.hpp"
#include "sys/file.hpp"
#include "sys/socket.hpp"
#include "sys/socket_diag.hpp"

namespace hallway::net {

namespace {

/// Our own look-up of a path obeys all rules for links; that of a process with another root begins
/// where its paths begin.
sys::Expected<ResolvedAddress> target(const Look& look) {
  if (look.subject_root.holds_one() && look.reached.holds_one()) {
    return ResolvedAddress{sys::SocketAddress::path(sys::proc_path(look.reached.get())), {}};
  }
  return resolve(look.evidence.address);
}

/// Whether there is a name to connect to.
bool can_connect(const Look& look) {
  const Evidence& evidence = look.evidence;
  if (evidence.address.kind() == Address::Kind::abstract) return !evidence.subject.other_network;
  return look.socket_step() != nullptr;
}

/// 0, or errno of connect(2).
int errno_of_connect(int socket, const Look& look) {
  const auto to = target(look);
  if (!to) return to.error();
  const auto connected = sys::connect(socket, to->address);
  return connected ? 0 : connected.error();
}

std::optional<bool> is_accepted(int socket) {
  const auto own = sys::identify(socket);
  if (!own) return std::nullopt;
  const auto shown = sys::unix_socket(own->inode);
  if (!shown) return std::nullopt;
  return shown->peer.value_or(0) != 0;
}

/// Waits for the server to close or to send something.
/// @return nullopt: it did neither
std::optional<Probe::Ending> ending_within(int socket, std::chrono::milliseconds time) {
  const auto ready = sys::poll_one(socket, sys::event_readable | sys::event_peer_finished, time);
  if (!ready || !*ready) return std::nullopt;
  std::array<char, 1> byte{};
  const auto got = sys::receive_bytes(socket, {.iov_base = byte.data(), .iov_len = byte.size()});
  if (!got) return got.error() == EAGAIN ? Probe::Ending::open : Probe::Ending::reset;
  return *got == 0 ? Probe::Ending::closed : Probe::Ending::spoke;
}

void watch(int socket, Probe& probe) {
  auto ending = ending_within(socket, probe_time);
  if (!ending) {
    probe.accepted = is_accepted(socket);
    if (probe.accepted == false) {
      ending = ending_within(socket, accept_time - probe_time);
      probe.accepted = is_accepted(socket);
    }
  }
  probe.ending = ending.value_or(Probe::Ending::open);
}

std::optional<Process> listener_of(int socket, Accounts& accounts) {
  const auto credentials = sys::peer_credentials(socket);
  if (!credentials) return std::nullopt;
  Process listener;
  const auto status = Peer::identity_of(socket);
  const bool ended = status && *status == PidStatus::ended;
  if (credentials->pid > 0 && !ended) listener = look_at_process(credentials->pid, accounts);
  listener.pid = credentials->pid;
  listener.uid = credentials->uid;
  listener.user = accounts.user_name(credentials->uid);
  if (ended) listener.alive = false;
  return listener;
}

Probe connect_once(Look& look, SocketType type) {
  Probe probe;
  const auto socket = sys::make_socket(to_sys(type), true);
  if (!socket) {
    probe.error = socket.error();
    probe.socket_refused = true;
    return probe;
  }
  probe.error = errno_of_connect(socket->get(), look);
  if (probe.error != 0) return probe;
  probe.listener = listener_of(socket->get(), look.accounts);
  watch(socket->get(), probe);
  return probe;
}

/// The type that the client uses, else that of the socket that is there.
std::optional<SocketType> type_to_use(const Evidence& evidence) {
  if (evidence.type) return evidence.type;
  for (const SocketState state : {SocketState::listening, SocketState::bound}) {
    for (const SocketEntry& entry : evidence.sockets) {
      if (entry.state == state) return entry.type;
    }
  }
  return std::nullopt;
}

/// Whether the queue is half full of clients that wait. A full one is not made fuller by one more.
bool would_take_a_place(const SocketEntry& listening) {
  return listening.waiting > 0 && listening.waiting <= listening.backlog &&
         2 * std::uint64_t{listening.waiting} >= listening.backlog;
}

std::string why_not(Look& look, bool wanted) {
  if (!wanted) return "it was not wanted";
  if (!can_connect(look)) {
    const bool abstract = look.evidence.address.kind() == Address::Kind::abstract;
    return abstract ? "the name is in another network namespace" : "";
  }
  const auto& unit = look.evidence.unit;
  const SocketEntry* const listening = listening_socket(look.evidence);
  const bool managed = listening != nullptr && is_held_by_service_manager(*listening);
  const bool waits = unit && unit->state == "listening";
  if (waits || (managed && (!unit || unit->state != "running"))) {
    return "a connection would make systemd start the service";
  }
  if (listening != nullptr && would_take_a_place(*listening)) {
    return "clients wait, and it would take a place in the queue from others";
  }
  if (type_to_use(look.evidence) == SocketType::datagram) {
    return "a datagram socket is not connected to";
  }
  return {};
}

/// The socket may be of a network namespace that we do not see, and of another type than a stream.
void probe_each_type(Look& look, std::optional<SocketType> type) {
  look.evidence.probe = connect_once(look, type.value_or(SocketType::stream));
  if (type || look.evidence.probe->error != EPROTOTYPE) return;
  look.evidence.probe = connect_once(look, SocketType::seqpacket);
}

/// Of a socket whose holders we may not see, the process that called listen(2) is known at least.
/// It may have handed the socket on since, and its uid at that time may be another one.
void take_listener(Look& look) {
  const auto& listener = look.evidence.probe->listener;
  SocketEntry* const listening = listening_socket(look.evidence);
  if (listening == nullptr || !listening->holders.empty() || !listener) return;
  listening->holders_in_part = true;
  if (!listener->alive || listener->pid <= 0) return;
  listening->holders.push_back(look_at_process(listener->pid, look.accounts));
}

/// Whether a datagram could not be sent: the receiver's queue is full, and it reads none now.
bool stays_full(int connected) {
  const auto writable = sys::poll_one(connected, sys::event_writable, datagram_time);
  return writable && !*writable;
}

}  // namespace

void ask_whether_held(Look& look) {
  if (!can_connect(look)) return;
  const auto socket = sys::make_socket(sys::Type::datagram, true);
  if (!socket) return;
  std::optional<bool> held;
  // Connecting a datagram socket only sets where it sends to. EPROTOTYPE: a socket of another type;
  // EPERM: a datagram socket that is itself connected to another one.
  switch (errno_of_connect(socket->get(), look)) {
    case 0: look.evidence.datagram_queue_full = stays_full(socket->get()); [[fallthrough]];
    case EPROTOTYPE:
    case EPERM: held = true; break;
    case ECONNREFUSED: held = false; break;
    default: break;
  }
  if (look.socket_step() != nullptr) look.evidence.held = held;
}

void probe(Look& look, bool wanted) {
  look.evidence.no_probe_because = why_not(look, wanted);
  if (!look.evidence.no_probe_because.empty() || !can_connect(look)) return;
  probe_each_type(look, type_to_use(look.evidence));
  take_listener(look);
}

}  // namespace hallway::net
