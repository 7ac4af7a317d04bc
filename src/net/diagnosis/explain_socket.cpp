// SPDX-License-Identifier: Apache-2.0
//
// What the address leads to is there: can it be connected to?
#include <algorithm>
#include <cerrno>
#include <optional>
#include <utility>

#include "net/diagnosis/explain_file.hpp"
#include "net/diagnosis/explain_parts.hpp"
#include "net/diagnosis/words.hpp"

namespace hallway::net {

namespace {

bool probe_answered(const Evidence& evidence, int error) {
  return evidence.probe && !evidence.probe->socket_refused && evidence.probe->error == error;
}

/// The type of the live socket; nullopt: not known.
std::optional<SocketType> type_of(const Evidence& evidence) {
  const auto sockets = reachable_sockets(evidence);
  return sockets.empty() ? std::nullopt : std::optional(sockets.front()->type);
}

void explain_type(const Evidence& evidence, Conclusions& found) {
  const auto type = type_of(evidence);
  const bool differs = evidence.type && type && *evidence.type != *type;
  const bool refused = probe_answered(evidence, EPROTOTYPE);
  if (!differs && !refused) return;
  std::string sentence = words(evidence.address) + " is ";
  sentence += type ? "a " + std::string(to_string(*type)) + " socket" : "a socket of another type";
  if (evidence.type) sentence += ", not a " + std::string(to_string(*evidence.type)) + " socket";
  found.stops.push_back(finding(
      "wrong_type", Certainty::certain, sentence,
      type ? "use --type " + std::string(to_string(*type)) : "try the other types with --type",
      server_lines(evidence)));
}

std::string unit_of(const SocketEntry& socket) {
  const auto holder = std::ranges::find_if(socket.holders, &Process::alive);
  return holder == socket.holders.end() ? std::string() : holder->unit;
}

/// Bound, and no client can connect.
void explain_unready(const Evidence& evidence, const SocketEntry& socket, Conclusions& found) {
  const bool is_private = socket.state == SocketState::unbound_or_connected;
  found.stops.push_back(
      finding("not_listening", is_private ? Certainty::likely : Certainty::certain,
              "a server has bound " + words(evidence.address) + " and does not listen (yet)",
              "hallway wait " + shell_quoted(evidence.address.unescaped()) +
                  "  (if that takes long, the server does not call listen)",
              {line_for(socket)}));
}

/// The kernel still lists it as listening, and refuses clients.
void explain_shut_down(const Evidence& evidence, const SocketEntry& socket, Conclusions& found) {
  found.stops.push_back(finding("not_listening", Certainty::certain,
                                "the listening socket of " + words(evidence.address) +
                                    " was shut down: it accepts no clients",
                                restart_words(unit_of(socket)), {line_for(socket)}));
}

/// The number of datagrams that a queue holds is net.unix.max_dgram_qlen when its socket is made.
Finding full_of_datagrams(const Evidence& evidence) {
  const auto servers = servers_of(evidence);
  const std::string pid = servers.empty() ? "PID" : std::to_string(servers.front()->pid);
  return finding("datagram_queue_full", Certainty::certain,
                 "as many datagrams wait at " + words(evidence.address) +
                     " as its queue holds, and the server reads none now: send waits, or EAGAIN",
                 "see what the server does instead of recv: strace -f -p " + pid,
                 server_lines(evidence));
}

void explain_datagram(const Evidence& evidence, const SocketEntry& socket, Conclusions& found) {
  if (evidence.datagram_queue_full) found.stops.push_back(full_of_datagrams(evidence));
  if (!socket.connected_to || *socket.connected_to == 0) return;
  found.stops.push_back(
      finding("datagram_peer_fixed", Certainty::certain,
              words(socket) + " is connected to another socket and receives nothing else",
              "let the server use recvfrom and sendto instead of connect", {line_for(socket)}));
}

void explain_bound(const Evidence& evidence, Conclusions& found) {
  const auto sockets = reachable_sockets(evidence);
  const SocketEntry* const serving = serving_socket(evidence);
  const bool reached =
      evidence.probe && (probe_answered(evidence, 0) || probe_answered(evidence, EAGAIN) ||
                         probe_answered(evidence, EPROTOTYPE));
  explain_type(evidence, found);
  if (serving != nullptr && serving->type == SocketType::datagram) {
    explain_datagram(evidence, *serving, found);
  }
  if (serving != nullptr && serving->type != SocketType::datagram &&
      probe_answered(evidence, ECONNREFUSED)) {
    explain_shut_down(evidence, *serving, found);
  }
  if (serving != nullptr || reached) return;
  if (!sockets.empty()) {
    explain_unready(evidence, *sockets.front(), found);
    return;
  }
  if (!probe_answered(evidence, ECONNREFUSED)) return;
  if (!evidence.connected.empty()) {
    found.stops.push_back(explain_connected_sockets(evidence));
    return;
  }
  // Only a socket of another network namespace is not listed.
  found.stops.push_back(
      finding("not_listening", evidence.compared_by_file ? Certainty::certain : Certainty::possible,
              "a server of another network namespace has bound " + words(evidence.address) +
                  " and does not listen (yet)",
              "wait: hallway wait " + shell_quoted(evidence.address.unescaped())));
}

}  // namespace

void explain_target(const Evidence& evidence, Conclusions& found) {
  const PathStep* const file = target_of(evidence);
  if (file != nullptr && file->kind != StepKind::socket) {
    found.stops.push_back(explain_other_file(evidence, *file));
  } else if (is_alive(evidence)) {
    explain_bound(evidence, found);
  } else if (file != nullptr) {
    found.stops.push_back(explain_dead_file(evidence, *file));
  } else if (!evidence.connected.empty()) {
    found.stops.push_back(explain_connected_sockets(evidence));
  } else {
    found.stops.push_back(explain_missing(evidence, evidence.steps.size()));
  }
}

}  // namespace hallway::net
