// SPDX-License-Identifier: Apache-2.0
#include "net/diagnosis/explain_connections.hpp"

#include <algorithm>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include <hallway/bytes.hpp>

#include "net/diagnosis/causes.hpp"
#include "net/diagnosis/connection_rules.hpp"
#include "net/diagnosis/words.hpp"

namespace hallway::net {

namespace {

/// A server may have thousands of connections that all wait for the same.
constexpr std::size_t most_of_a_cause = 8;

void explain_halt(const ConnectionEvidence& evidence, Conclusions& found) {
  const auto halt = halt_of(evidence.process);
  if (!halt || evidence.connections.empty()) return;
  found.stops.push_back(
      finding("process_stopped", halt->certainty,
              words(evidence.process) + " " + halt->words + ": it neither sends nor receives",
              halt->fix, {detailed_words(evidence.process)}));
}

void explain_connect(const ConnectionCase& at, Conclusions& found) {
  const EndHolder* const own = at.own();
  if (own == nullptr || !own->connects) return;
  std::vector<std::string> lines;
  lines.reserve(at.evidence.full_queues.size());
  for (const AcceptQueue& queue : at.evidence.full_queues) {
    lines.push_back("full: " + shown(queue.name) + ", " + std::to_string(queue.waiting) + " of " +
                    std::to_string(queue.backlog) + " waiting");
  }
  std::string fix = "let the server accept faster, or raise its backlog";
  if (at.evidence.full_queues.size() == 1) {
    fix = "find out why: hallway diagnose " + shell_quoted(at.evidence.full_queues.front().name);
  }
  found.stops.push_back(finding("connect_waits", Certainty::certain,
                                place_words(at) + ": " + words(at.evidence.process) +
                                    " waits in connect(2), as the backlog of the server is full",
                                std::move(fix), std::move(lines)));
}

/// What is at the address, if nothing of the process leads there.
void explain_address(const ConnectionEvidence& evidence, Conclusions& found) {
  if (!evidence.to) return;
  for (const Receiver& receiver : evidence.receivers) {
    if (receiver.is_peer || receiver.end.peer.value_or(0) == 0) continue;
    found.stops.push_back(
        finding("datagram_peer_fixed", Certainty::certain,
                "the server at " + words(*evidence.to) +
                    " is connected to another socket, and takes datagrams only from that one",
                "let the server receive without connect(2), or wait until it is free",
                {"a connect, and a send, of " + words(evidence.process) + " fails with EPERM"}));
  }
  const bool leads = std::ranges::any_of(evidence.connections, [](const ConnectionEnd& end) {
    return end.there || end.waits_at || end.here.peer || !end.here.name.empty();
  });
  if (leads || !found.stops.empty()) return;
  std::vector<std::string> lines{"it has " + counted(evidence.sockets, "Unix socket") + " open"};
  found.stops.push_back(
      finding("no_socket_to_address", Certainty::certain,
              "no socket of " + words(evidence.process) + " leads to " + words(*evidence.to),
              "find out whether it could connect: hallway diagnose " +
                  shell_quoted(evidence.to->unescaped()) + " --as-pid " +
                  std::to_string(evidence.process.pid),
              std::move(lines)));
}

/// Those of the same certainty keep their order.
void sort_by_certainty(std::vector<Finding>& findings) {
  std::vector<Finding> sorted;
  sorted.reserve(findings.size());
  for (const Certainty certainty : {Certainty::certain, Certainty::likely, Certainty::possible}) {
    for (Finding& each : findings) {
      if (each.certainty == certainty) sorted.push_back(std::move(each));
    }
  }
  findings = std::move(sorted);
}

void shorten(std::vector<Finding>& findings) {
  std::map<std::string, std::size_t> counts;
  for (const Finding& each : findings) ++counts[each.cause];
  std::map<std::string, std::size_t> kept;
  std::vector<Finding> result;
  for (Finding& each : findings) {
    const std::size_t number = ++kept[each.cause];
    if (number > most_of_a_cause) continue;
    const std::size_t total = counts[each.cause];
    if (number == most_of_a_cause && total > most_of_a_cause) {
      each.evidence.push_back("the same holds for " + std::to_string(total - most_of_a_cause) +
                              " more of its sockets");
    }
    result.push_back(std::move(each));
  }
  findings = std::move(result);
}

Diagnosis::State state_of(const Conclusions& found) {
  if (found.stops.empty()) return Diagnosis::State::healthy;
  const Cause* const cause = find_cause(found.stops.front().cause);
  const auto state = cause == nullptr ? Diagnosis::State::wrong : cause->state;
  return state == Diagnosis::State::stuck ? state : Diagnosis::State::wrong;
}

std::string healthy_words(const ConnectionEvidence& evidence) {
  std::string text = "healthy: " + words(evidence.process) + ", ";
  if (evidence.connections.empty()) return text + "no connection and no datagram socket";
  text += counted(evidence.connections.size(), "Unix socket");
  if (evidence.to) text += " to " + words(*evidence.to);
  return text + ", none of which is stuck";
}

}  // namespace

Diagnosis explain(const ConnectionEvidence& evidence) {
  Conclusions found;
  explain_halt(evidence, found);
  for (const ConnectionEnd& end : evidence.connections) {
    const ConnectionCase at{evidence, end};
    explain_connect(at, found);
    explain_connection_state(at, found);
    explain_datagrams(at, found);
    explain_sent(at, found);
    explain_received(at, found);
    explain_holders(at, found);
    explain_passing(at, found);
  }
  explain_address(evidence, found);
  sort_by_certainty(found.stops);
  shorten(found.stops);
  shorten(found.odd);
  Diagnosis diagnosis;
  diagnosis.state = state_of(found);
  diagnosis.summary = found.stops.empty() ? healthy_words(evidence) : found.stops.front().sentence;
  diagnosis.findings = std::move(found.stops);
  diagnosis.also = std::move(found.odd);
  for (const std::string& each : evidence.unseen) diagnosis.unseen.push_back(printable(each));
  return diagnosis;
}

}  // namespace hallway::net
