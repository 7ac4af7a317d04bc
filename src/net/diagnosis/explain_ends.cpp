// SPDX-License-Identifier: Apache-2.0
//
// The two ends of a connection: whether they are connected, which processes have them open,
// and what is between them.
#include <algorithm>
#include <array>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <hallway/bytes.hpp>

#include "net/diagnosis/connection_rules.hpp"
#include "net/diagnosis/words.hpp"

namespace hallway::net {

namespace {

Finding not_accepted(const ConnectionCase& at) {
  const auto& queue = at.end.waits_at;
  std::vector<std::string> lines;
  std::string fix = "let the server accept";
  if (queue) {
    lines.push_back("the server's queue: " + std::to_string(queue->waiting) + " of " +
                    std::to_string(queue->backlog) + " waiting, " +
                    std::to_string(queue->position) + " of them before this one");
    if (queue->ahead_gone > 0) {
      lines.push_back(std::to_string(queue->ahead_gone) + " of those have closed already");
    }
    for (const EndHolder& holder : queue->holders) {
      lines.push_back("listening: " + detailed_words(holder.process) + ", state " +
                      printable(std::string(1, holder.process.state)));
    }
    fix = "find out why the server does not accept: hallway diagnose " + shell_quoted(queue->name);
  }
  return finding("not_accepted", Certainty::certain,
                 place_words(at) + ": the server has not accepted the connection", std::move(fix),
                 std::move(lines));
}

void explain_no_peer(const ConnectionCase& at, Conclusions& found) {
  const End& here = at.end.here;
  if (here.input_ended && here.output_ended) {
    std::vector<std::string> lines{"the far end is gone, and both directions are shut down"};
    if (here.unread > 0) lines.push_back(counted(here.unread, "byte") + " are still to be read");
    found.stops.push_back(finding("peer_closed", Certainty::certain,
                                  place_words(at) + ": the far end has closed, and " +
                                      words(at.evidence.process) + " keeps its own end open",
                                  "read to the end of the input, then close the descriptor",
                                  std::move(lines)));
  } else {
    found.stops.push_back(not_accepted(at));
  }
}

void explain_shut(const ConnectionCase& at, Conclusions& found) {
  const End& here = at.end.here;
  if (here.input_ended && here.output_ended) {
    found.stops.push_back(finding(
        "shut_down", Certainty::certain, place_words(at) + ": both directions are shut down",
        "close it and connect again", {"SHUTDOWN is 3, and both ends are still open"}));
  } else if (here.output_ended) {
    found.odd.push_back(finding(
        "sending_ended", Certainty::possible,
        place_words(at) + ": nothing more can be sent (EPIPE)", "",
        {"this end has ended its output, or the far end its input: the kernel shows both alike"}));
  }
}

// --- who has it open ----------------------------------------------------------------------------

bool is_idle(const EndHolder& holder) {
  return holder.attends == false && !holder.reads && !holder.waits_for_other;
}

/// A descriptor that a program starts with is meant for it.
bool was_handed_over(const EndHolder& holder) {
  constexpr std::array<std::string_view, 3> standard{"0", "1", "2"};
  return std::ranges::any_of(holder.descriptors, [&](const std::string& descriptor) {
    return std::ranges::find(standard, descriptor) != standard.end();
  });
}

bool listens(const ConnectionEnd& end, std::int32_t pid) {
  return pid == end.listener_pid ||
         std::ranges::find(end.listener_holders, pid) != end.listener_holders.end();
}

/// Another process than those at the far end accepted the connection.
bool is_inherited(const ConnectionEnd& end, const std::vector<const EndHolder*>& holders) {
  if (end.listener_holders.empty() && end.listener_pid == 0) return false;
  return std::ranges::none_of(
      holders, [&](const EndHolder* holder) { return listens(end, holder->process.pid); });
}

bool waits_for_input(const ConnectionCase& at) {
  const EndHolder* const own = at.own();
  return own != nullptr && (own->reads || own->attends == true);
}

std::string all_holders(const std::vector<const EndHolder*>& holders) {
  constexpr std::size_t most = 5;
  std::string text;
  for (std::size_t at = 0; at < std::min(most, holders.size()); ++at) {
    text += (at == 0 ? "" : ", ") + holder_words(*holders[at]);
  }
  return text + (holders.size() > most ? " and others" : "");
}

Finding far_end_inherited(const ConnectionCase& at, const std::vector<const EndHolder*>& holders) {
  const auto& names = at.end.listener_holders;
  std::vector<std::string> lines = far_lines(at);
  if (!names.empty()) lines.push_back("listening: pid " + std::to_string(names.front()));
  if (at.end.listener_pid != 0) {
    lines.push_back("connected to a socket of pid " + std::to_string(at.end.listener_pid));
  }
  const bool surely = std::ranges::none_of(
      holders, [](const EndHolder* holder) { return was_handed_over(*holder); });
  return finding("far_end_inherited", surely ? Certainty::likely : Certainty::possible,
                 place_words(at) + ": the end of the input cannot come: " + all_holders(holders) +
                     " inherited the far end and does not use it",
                 "end that process, or let the server open its sockets close-on-exec "
                 "(SOCK_CLOEXEC)",
                 std::move(lines));
}

void explain_shared_far_end(const ConnectionCase& at, const std::vector<const EndHolder*>& holders,
                            Conclusions& found) {
  if (holders.size() < 2) return;
  const auto idle =
      std::ranges::find_if(holders, [](const EndHolder* holder) { return is_idle(*holder); });
  std::string sentence = place_words(at) + ": several processes have the far end open";
  if (idle != holders.end()) sentence += ", and " + holder_words(**idle) + " does not use it";
  found.odd.push_back(finding(
      "far_end_shared", Certainty::certain, std::move(sentence),
      "let processes inherit only what they use (SOCK_CLOEXEC)",
      {all_holders(holders), "the end of the input comes when all of them have closed it"}));
}

void explain_shared_end(const ConnectionCase& at, Conclusions& found) {
  std::vector<const EndHolder*> others;
  for (const EndHolder& holder : at.end.here.holders) {
    if (holder.process.alive && holder.process.pid != at.evidence.process.pid) {
      others.push_back(&holder);
    }
  }
  if (others.empty()) return;
  found.odd.push_back(
      finding("end_shared", Certainty::certain,
              place_words(at) + ": other processes have this end open as well",
              "let processes inherit only what they use (SOCK_CLOEXEC)",
              {all_holders(others), "the far end notices a close only when all have closed it"}));
}

bool is_quiet(const ConnectionEnd& end) {
  return end.there && end.here.unread == 0 && end.there->unread == 0 && end.here.sent_unread == 0 &&
         !end.here.input_ended && !end.here.output_ended;
}

void explain_waiting(const ConnectionCase& at, const std::vector<const EndHolder*>& holders,
                     Conclusions& found) {
  if (at.is_datagram() || holders.empty() || !is_quiet(at.end)) return;
  const bool reads =
      std::ranges::any_of(holders, [](const EndHolder* holder) { return holder->reads; });
  if (!at.reads() || !reads) return;
  found.odd.push_back(
      finding("both_wait", Certainty::possible,
              place_words(at) + ": each end waits until the other one sends",
              "if the far end reads to the end of the input, end the output: shutdown(2), nc -N",
              {"both wait in a read, both queues are empty, and neither has ended its output"}));
}

// --- what is in between -------------------------------------------------------------------------

bool is_proxy(const Process& process) {
  // A command is cut off after 15 bytes.
  constexpr std::array<std::string_view, 6> names{"socat", "systemd-socket-", "haproxy",
                                                  "envoy", "nginx",           "ncat"};
  return std::ranges::find(names, process.command) != names.end();
}

bool is_out_of_descriptors(const Process& process) {
  return process.open_descriptors && process.descriptor_limit &&
         *process.open_descriptors >= *process.descriptor_limit;
}

void explain_receiver(const ConnectionCase& at, const Process& process, Conclusions& found) {
  if (process.pid == at.evidence.process.pid) return;
  if (is_proxy(process)) {
    found.odd.push_back(
        finding("proxy_between", Certainty::likely,
                place_words(at) + ": the peer is the proxy " + words(process) +
                    ": it drops descriptors, and the server sees its identity",
                "connect to the server itself, or use a proxy that passes descriptors"));
  }
  if (is_out_of_descriptors(process)) {
    found.odd.push_back(
        finding("receiver_out_of_descriptors", Certainty::certain,
                place_words(at) + ": " + words(process) +
                    " loses descriptors that are sent to it: it has as many open as it may",
                "raise its limit (LimitNOFILE=), or look for a leak",
                {open_words(*process.open_descriptors, *process.descriptor_limit)}));
  }
}

}  // namespace

void explain_connection_state(const ConnectionCase& at, Conclusions& found) {
  const End& here = at.end.here;
  if (at.is_datagram() || here.state != End::State::connected) return;
  if (here.peer.value_or(0) != 0) {
    explain_shut(at, found);
  } else if (at.is_still()) {
    explain_no_peer(at, found);
  }
}

void explain_holders(const ConnectionCase& at, Conclusions& found) {
  if (at.end.here.state == End::State::connected) explain_shared_end(at, found);
  if (!at.is_connection()) return;
  const auto holders = at.far_holders();
  const bool idle = !holders.empty() && std::ranges::all_of(holders, [](const EndHolder* holder) {
    return is_idle(*holder) && !halt_of(holder->process);
  });
  if (idle && is_quiet(at.end) && waits_for_input(at) && is_inherited(at.end, holders)) {
    found.stops.push_back(far_end_inherited(at, holders));
    return;
  }
  explain_shared_far_end(at, holders, found);
  explain_waiting(at, holders, found);
}

void explain_passing(const ConnectionCase& at, Conclusions& found) {
  if (!at.end.there) return;
  const End& there = *at.end.there;
  if (there.descriptors_waiting.value_or(0) > 0 && at.is_still()) {
    found.odd.push_back(finding("descriptors_wait", Certainty::certain,
                                place_words(at) + ": " +
                                    counted(*there.descriptors_waiting, "descriptor") +
                                    " that were sent wait at the far end",
                                "let " + far_words(at) + " receive them (recvmsg(2))",
                                {"if it closes before, they are lost"}));
  }
  if (there.takes_descriptors == false) {
    found.odd.push_back(finding("descriptors_refused", Certainty::certain,
                                place_words(at) + ": the far end refuses descriptors",
                                "let the receiver set SO_PASSRIGHTS",
                                {"SO_PASSRIGHTS is 0 at the far end: sending them fails (EPERM)"}));
  }
  for (const EndHolder* const holder : at.far_holders()) {
    explain_receiver(at, holder->process, found);
  }
}

}  // namespace hallway::net
