// SPDX-License-Identifier: Apache-2.0
//
// What waits unread, at the far end and here.
#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "net/diagnosis/connection_rules.hpp"
#include "net/diagnosis/words.hpp"

namespace hallway::net {

namespace {

/// A message of a few bytes takes more than four times its size.
bool are_small_messages(const ConnectionEnd& end) {
  constexpr std::uint64_t times = 4;
  return end.there && end.there->unread > 0 && end.here.type != SocketType::datagram &&
         end.here.sent_unread / times > end.there->unread;
}

std::vector<std::string> buffer_lines(const ConnectionCase& at) {
  const ConnectionEnd& end = at.end;
  std::vector<std::string> lines;
  std::string line = "send buffer: " + std::to_string(end.here.sent_unread);
  if (end.here.send_limit) line += " of " + std::to_string(*end.here.send_limit);
  lines.push_back(line + " bytes are taken by what the far end has not read");
  if (end.there && end.there->unread > 0 && !at.is_datagram()) {
    lines.push_back("far end: " + counted(end.there->unread, "byte") +
                    " to be read, unchanged between two looks");
  }
  if (at.writes()) lines.push_back(words(at.evidence.process) + " waits in a send");
  if (are_small_messages(end)) {
    lines.emplace_back("the messages are small: the kernel takes at least 768 bytes for each");
  }
  for (std::string& each : far_lines(at)) lines.push_back(std::move(each));
  return lines;
}

/// The reason that all processes at the far end have; nullopt: one of them could run, or none was
/// seen.
std::optional<Halt> halt_of_all(const std::vector<const EndHolder*>& holders) {
  std::optional<Halt> halt;
  for (const EndHolder* const holder : holders) {
    auto one = halt_of(holder->process);
    if (!one) return std::nullopt;
    if (!halt) halt = std::move(one);
  }
  return halt;
}

bool is_running(const EndHolder* holder) { return holder->process.state == 'R'; }

bool do_not_attend(const std::vector<const EndHolder*>& holders) {
  return !holders.empty() && std::ranges::all_of(holders, [](const EndHolder* holder) {
    return holder->attends == false && !holder->reads;
  });
}

std::string reader_fix(const ConnectionCase& at) {
  const std::string small =
      are_small_messages(at.end) ? "; send several small messages as one" : "";
  return "let " + far_words(at) + " read, or close the connection" + small;
}

Finding does_not_read(const ConnectionCase& at, Certainty certainty, bool no_room) {
  std::string sentence = place_words(at) + ": the far end does not read";
  sentence += no_room ? ", and the send buffer is full: a send waits" : " what waits there";
  return finding("receiver_does_not_read", certainty, std::move(sentence), reader_fix(at),
                 buffer_lines(at));
}

Finding both_send(const ConnectionCase& at) {
  auto lines = buffer_lines(at);
  lines.insert(lines.begin(), counted(at.end.here.unread, "byte") + " to be read here");
  return finding("both_send", Certainty::certain,
                 place_words(at) + ": both ends send and neither reads: each waits for the other",
                 "let one of them read while it waits for room to send", std::move(lines));
}

bool is_far_buffer_full(const ConnectionEnd& end) {
  return end.there && is_send_buffer_full(*end.there);
}

void explain_unmoved(const ConnectionCase& at, Conclusions& found) {
  const bool no_room = is_send_buffer_full(at.end.here) || at.writes();
  if (no_room && at.end.here.unread > 0 && is_far_buffer_full(at.end)) {
    found.stops.push_back(both_send(at));
    return;
  }
  const auto holders = at.far_holders();
  if (auto halt = halt_of_all(holders)) {
    found.stops.push_back(finding("receiver_stopped", halt->certainty,
                                  place_words(at) + ": " + words(holders.front()->process) + " " +
                                      halt->words + " and does not read",
                                  halt->fix, buffer_lines(at)));
    return;
  }
  if (no_room) {
    const bool known = !holders.empty() && std::ranges::none_of(holders, is_running);
    found.stops.push_back(does_not_read(at, known ? Certainty::certain : Certainty::likely, true));
  } else if (at.reads() && do_not_attend(holders)) {
    found.stops.push_back(does_not_read(at, Certainty::likely, false));
  } else {
    found.odd.push_back(does_not_read(at, Certainty::possible, false));
  }
}

std::vector<std::string> received_lines(const ConnectionCase& at) {
  const ConnectionEnd& end = at.end;
  std::vector<std::string> lines;
  if (at.is_datagram()) {
    lines.push_back(counted(end.senders, "connected sender") + ": " +
                    std::to_string(end.senders_unread) + " bytes of theirs wait unread");
    lines.push_back("the first datagram has " + counted(end.here.unread, "byte"));
  } else {
    lines.push_back(counted(end.here.unread, "byte") + " to be read, unchanged between two looks");
  }
  if (is_far_buffer_full(end)) lines.emplace_back("the send buffer of the far end is full");
  const Process& process = at.evidence.process;
  std::string line = words(process) + ": state " + std::string(1, process.state);
  if (!process.waits_in.empty()) line += ", sleeps in " + process.waits_in;
  lines.push_back(line);
  return lines;
}

}  // namespace

void explain_sent(const ConnectionCase& at, Conclusions& found) {
  const ConnectionEnd& end = at.end;
  if (end.here.sent_unread == 0 || end.here.state == End::State::listening) return;
  if (end.waits_at || end.here.peer == 0U) return;  // those have a cause of their own
  if (end.takes_datagrams == false && !is_send_buffer_full(end.here)) return;
  if (at.is_still()) {
    explain_unmoved(at, found);
  } else if (end.moved && is_send_buffer_full(end.here)) {
    found.odd.push_back(finding(
        "reads_slowly", Certainty::likely,
        place_words(at) + ": the far end reads more slowly than " + words(at.evidence.process) +
            " sends",
        "", {"the send buffer is full, and what waits at the far end changed between two looks"}));
  }
}

void explain_received(const ConnectionCase& at, Conclusions& found) {
  const ConnectionEnd& end = at.end;
  const bool waits = end.here.unread > 0 || end.senders_unread > 0;
  if (!waits || !at.is_still() || end.here.state == End::State::listening) return;
  if (halt_of(at.evidence.process)) return;  // said once, of the process
  const EndHolder* const own = at.own();
  if (at.writes() && is_send_buffer_full(end.here) && is_far_buffer_full(end)) return;  // both_send
  const bool does_not_attend = own != nullptr && own->attends == false && !own->reads;
  const bool is_busy = at.evidence.process.state == 'R';
  const bool stops = (does_not_attend || is_far_buffer_full(end)) && !is_busy;
  auto one = finding(
      "process_does_not_read", stops ? Certainty::likely : Certainty::possible,
      place_words(at) + ": " + words(at.evidence.process) + " does not read what waits there",
      "let " + words(at.evidence.process) + " read it", received_lines(at));
  (stops ? found.stops : found.odd).push_back(std::move(one));
}

}  // namespace hallway::net
