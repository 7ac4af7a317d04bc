// SPDX-License-Identifier: Apache-2.0
#include "net/diagnosis/connection_rules.hpp"

#include <hallway/bytes.hpp>

#include "net/diagnosis/words.hpp"

namespace hallway::net {

namespace {

std::string descriptors_words(const std::vector<std::string>& numbers) {
  constexpr std::size_t most = 4;
  std::string text = numbers.size() == 1 ? "descriptor " : "descriptors ";
  for (std::size_t at = 0; at < numbers.size() && at < most; ++at) {
    text += (at == 0 ? "" : ", ") + printable(numbers[at]);
  }
  return text + (numbers.size() > most ? " ..." : "");
}

std::string names_of(const std::vector<const EndHolder*>& holders) {
  std::vector<const Process*> processes;
  processes.reserve(holders.size());
  for (const EndHolder* const holder : holders) processes.push_back(&holder->process);
  return listed(processes);
}

std::string type_words(const End& end) {
  return end.type == SocketType::datagram ? "a datagram socket"
                                          : "a " + std::string(to_string(end.type)) + " socket";
}

std::string peer_words(const ConnectionCase& at) {
  const auto holders = at.far_holders();
  return holders.empty() ? std::string() : names_of(holders);
}

}  // namespace

const EndHolder* ConnectionCase::own() const {
  for (const EndHolder& holder : end.here.holders) {
    if (holder.process.pid == evidence.process.pid) return &holder;
  }
  return nullptr;
}

std::vector<const EndHolder*> ConnectionCase::far_holders() const {
  std::vector<const EndHolder*> found;
  if (!end.there) return found;
  for (const EndHolder& holder : end.there->holders) {
    if (holder.process.alive) found.push_back(&holder);
  }
  return found;
}

bool ConnectionCase::is_connection() const {
  return !is_datagram() && end.here.state == End::State::connected &&
         end.here.peer.value_or(0) != 0;
}

bool ConnectionCase::reads() const {
  const EndHolder* const holder = own();
  return holder != nullptr && holder->reads;
}

bool ConnectionCase::writes() const {
  const EndHolder* const holder = own();
  return holder != nullptr && holder->writes;
}

std::optional<Halt> halt_of(const Process& process) {
  const std::string pid = std::to_string(process.pid);
  if (process.state == 't' || (process.state == 'T' && process.traced_by != 0)) {
    const std::string tracer =
        process.traced_by_command.empty() ? "a debugger" : printable(process.traced_by_command);
    return Halt{"is stopped by " + tracer + "[" + std::to_string(process.traced_by) + "]",
                "let the debugger continue it"};
  }
  if (process.state == 'T') {
    return Halt{"is stopped by a signal (state T)", "kill -CONT " + pid};
  }
  if (process.frozen) {
    return Halt{"is in a frozen cgroup", process.unit.empty()
                                             ? "thaw its cgroup"
                                             : "systemctl thaw " + shell_quoted(process.unit)};
  }
  if (process.state == 'D') {
    return Halt{"sleeps in the kernel (state D" +
                    (process.waits_in.empty() ? "" : ", in " + printable(process.waits_in)) + ")",
                "look at the disk or network file system that it waits for", Certainty::likely};
  }
  return std::nullopt;
}

bool is_send_buffer_full(const End& end) {
  return end.send_limit && *end.send_limit > 0 && end.sent_unread >= *end.send_limit;
}

std::string holder_words(const EndHolder& holder) {
  if (holder.descriptors.empty()) return words(holder.process);
  return words(holder.process) + " (" + descriptors_words(holder.descriptors) + ")";
}

std::string place_words(const ConnectionCase& at) {
  const EndHolder* const own = at.own();
  const End& here = at.end.here;
  std::string text = own == nullptr || own->descriptors.empty()
                         ? "socket:[" + std::to_string(here.inode) + "]"
                         : descriptors_words(own->descriptors);
  const std::string peers = peer_words(at);
  const std::string of_peers = peers.empty() ? std::string() : " of " + peers;
  if (at.end.there && !at.end.there->name.empty()) {
    return text + ", connected to " + shown(at.end.there->name) + of_peers;
  }
  if (at.end.waits_at) return text + ", connected to " + shown(at.end.waits_at->name);
  if (!here.name.empty()) {
    const bool accepted = !at.is_datagram() && here.state == End::State::connected;
    text += (accepted ? ", accepted at " : ", bound to ") + shown(here.name);
    return text + (peers.empty() ? "" : ", connected to " + peers);
  }
  return text + (peers.empty() ? ", " + type_words(here) : ", connected to " + peers);
}

std::string far_words(const ConnectionCase& at) {
  const std::string peers = peer_words(at);
  return peers.empty() ? "the far end" : peers;
}

std::vector<std::string> far_lines(const ConnectionCase& at) {
  constexpr std::size_t most = 5;
  std::vector<std::string> lines;
  for (const EndHolder* const holder : at.far_holders()) {
    if (lines.size() == most) break;
    const Process& process = holder->process;
    std::string line = "far end: " + detailed_words(process);
    if (!holder->descriptors.empty()) line += ", " + descriptors_words(holder->descriptors);
    line += std::string(", state ") + printable(std::string(1, process.state));
    if (!process.waits_in.empty()) line += ", sleeps in " + printable(process.waits_in);
    lines.push_back(line);
  }
  if (lines.empty()) lines.emplace_back("the process that has the far end open is not to be seen");
  return lines;
}

}  // namespace hallway::net
