// SPDX-License-Identifier: Apache-2.0
#include "net/diagnosis/explain.hpp"

#include <algorithm>
#include <utility>

#include <hallway/bytes.hpp>

#include "net/diagnosis/causes.hpp"
#include "net/diagnosis/explain_parts.hpp"
#include "net/diagnosis/words.hpp"

namespace hallway::net {

namespace {

bool is_name(const Address& address) {
  return address.kind() == Address::Kind::path || address.kind() == Address::Kind::abstract;
}

void explain_nameless(const Evidence& evidence, Conclusions& found) {
  if (evidence.address.kind() == Address::Kind::activation) {
    explain_activation(evidence, found);
    return;
  }
  // The kernel always finds a free name.
  if (evidence.for_bind && evidence.address.kind() == Address::Kind::autobind) return;
  found.stops.push_back(
      finding("no_name", Certainty::certain,
              words(evidence.address) + " is not a name that other programs could reach",
              "give a path or an abstract name"));
}

/// Nothing stops the subject, as far as was seen: has a server been seen?
void explain_silence(const Evidence& evidence, Conclusions& found) {
  if (!found.stops.empty() || is_alive(evidence)) return;
  found.stops.push_back(finding("unexplained", Certainty::possible,
                                "no server was seen at " + words(evidence.address),
                                "see what could not be looked at"));
}

void explain_connect(const Evidence& evidence, Conclusions& found) {
  explain_subject(evidence, found);
  if (explain_walk(evidence, found)) {
    explain_socket_permission(evidence, found);
    explain_target(evidence, found);
    explain_server(evidence, found);
    explain_activation(evidence, found);
    note_oddities(evidence, found);
  }
  explain_refusal(evidence, found);
  explain_silence(evidence, found);
}

// --- the whole ----------------------------------------------------------------------------------

Diagnosis::State state_of(const Evidence& evidence, const Conclusions& found) {
  if (found.stops.empty()) return Diagnosis::State::healthy;
  const Finding& first = found.stops.front();
  const Cause* const cause = find_cause(first.cause);
  const Diagnosis::State state = cause == nullptr ? Diagnosis::State::wrong : cause->state;
  const bool is_denied = state == Diagnosis::State::denied;
  if (evidence.for_bind && !is_denied) return Diagnosis::State::wrong;
  // What is odd elsewhere can be what stops this subject.
  return state == Diagnosis::State::healthy ? Diagnosis::State::wrong : state;
}

std::string healthy_words(const Evidence& evidence) {
  if (evidence.for_bind) return "healthy: " + words(evidence.address) + " can be bound to";
  if (evidence.address.kind() == Address::Kind::activation) {
    return "healthy: the descriptors that were handed over fit this process";
  }
  const SocketEntry* const socket = serving_socket(evidence);
  const auto servers = servers_of(evidence);
  std::string text = "healthy: ";
  if (!servers.empty()) {
    text += detailed_words(*servers.front());
    if (servers.size() > 1) text += " and " + std::to_string(servers.size() - 1) + " more";
  } else if (socket != nullptr && socket->uid) {
    text += "a server of uid " + std::to_string(*socket->uid);
  } else {
    text += "a server";
  }
  if (socket == nullptr) {
    const bool connected = evidence.probe && evidence.probe->error == 0;
    return text + (connected ? ", listens" : " has bound " + words(evidence.address));
  }
  if (socket->type == SocketType::datagram) return text + ", receives datagrams";
  return text + ", listens (" + std::string(to_string(socket->type)) + "), " + queue_words(*socket);
}

std::string summary_of(const Evidence& evidence, const Conclusions& found) {
  if (found.stops.empty()) return healthy_words(evidence);
  return (evidence.for_bind ? "cannot bind: " : "cannot connect: ") + found.stops.front().sentence;
}

}  // namespace

Diagnosis explain(const Evidence& evidence) {
  Conclusions found;
  if (!is_name(evidence.address)) {
    explain_nameless(evidence, found);
  } else if (evidence.for_bind) {
    explain_bind(evidence, found);
  } else {
    explain_connect(evidence, found);
  }
  Diagnosis diagnosis;
  diagnosis.state = state_of(evidence, found);
  diagnosis.summary = summary_of(evidence, found);
  diagnosis.findings = std::move(found.stops);
  diagnosis.also = std::move(found.odd);
  for (const std::string& each : evidence.unseen) diagnosis.unseen.push_back(printable(each));
  return diagnosis;
}

}  // namespace hallway::net
