// SPDX-License-Identifier: Apache-2.0
//
// A server is there: does it get to its clients, and what did it do to the probe?
#include <algorithm>
#include <cerrno>
#include <functional>
#include <optional>
#include <utility>

#include <hallway/bytes.hpp>

#include "net/diagnosis/explain_parts.hpp"
#include "net/diagnosis/words.hpp"

namespace hallway::net {

namespace {

/// Descriptors that a server may keep free for itself (Limits::descriptor_reserve).
constexpr std::uint64_t usual_reserve = 32;

/// The clients that wait, and what is known of the processes that should accept them.
struct Queue {
  const SocketEntry* socket = nullptr;
  std::vector<const Process*> servers;
  bool waits = false;  ///< a client waits
  bool full = false;
  bool unaccepted = false;  ///< that of the probe was not accepted
  bool idle = false;        ///< clients wait, and none was accepted between two looks

  /// Whether it is so of every process: one that works is enough to accept.
  template <typename Predicate>
  [[nodiscard]] bool all(Predicate predicate) const {
    return !servers.empty() && std::ranges::all_of(servers, [&](const Process* process) {
      return std::invoke(predicate, *process);
    });
  }
};

Queue queue_of(const Evidence& evidence) {
  Queue queue{serving_socket(evidence), servers_of(evidence)};
  const bool listens = queue.socket != nullptr && queue.socket->state == SocketState::listening;
  const bool refused =
      evidence.probe && !evidence.probe->socket_refused && evidence.probe->error == EAGAIN;
  queue.full = refused || (listens && queue.socket->waiting > queue.socket->backlog);
  queue.unaccepted = evidence.probe && evidence.probe->accepted == false;
  queue.waits = queue.full || queue.unaccepted || (listens && queue.socket->waiting > 0);
  queue.idle = queue.waits && !evidence.second_look_moved;
  return queue;
}

std::string servers_words(const Queue& queue) {
  return queue.servers.size() == 1 ? words(*queue.servers.front()) : listed(queue.servers);
}

std::string pids(const Queue& queue) {
  std::string text;
  for (const Process* process : queue.servers) text += " " + std::to_string(process->pid);
  return text;
}

void explain_stopped(const Queue& queue, const std::vector<std::string>& lines,
                     Conclusions& found) {
  const bool stopped = queue.all(
      [](const Process& process) { return process.state == 'T' || process.state == 't'; });
  if (!stopped) return;
  const Process& server = *queue.servers.front();
  if (server.state != 't') {
    found.stops.push_back(finding("server_stopped", Certainty::certain,
                                  "the server is stopped by a signal: " + servers_words(queue),
                                  "kill -CONT" + pids(queue), lines));
    return;
  }
  const std::string debugger = printable(server.traced_by_command);
  found.stops.push_back(
      finding("server_stopped", Certainty::certain,
              "the server is stopped by a debugger: " + servers_words(queue),
              "continue it in " + (debugger.empty() ? "the debugger" : debugger) +
                  (server.traced_by > 0 ? ", pid " + std::to_string(server.traced_by) : ""),
              lines));
}

void explain_frozen(const Queue& queue, const std::vector<std::string>& lines, Conclusions& found) {
  if (!queue.all(&Process::frozen)) return;
  const std::string& unit = queue.servers.front()->unit;
  found.stops.push_back(finding("server_frozen", Certainty::certain,
                                "the cgroup of the server is frozen: " + servers_words(queue),
                                unit.empty()
                                    ? "thaw it: docker unpause, or write 0 to cgroup.freeze"
                                    : "systemctl thaw " + shell_quoted(unit),
                                lines));
}

void explain_blocked(const Queue& queue, const std::vector<std::string>& lines,
                     Conclusions& found) {
  const bool blocked = queue.all([](const Process& process) { return process.state == 'D'; });
  if (!blocked || !queue.idle) return;
  const std::string& where = queue.servers.front()->waits_in;
  found.stops.push_back(
      finding("server_blocked", Certainty::likely,
              "the server sleeps in the kernel and cannot be interrupted: " + servers_words(queue) +
                  (where.empty() ? "" : " in " + printable(where)),
              "see which disk or network file system hangs: dmesg, mount", lines));
}

bool has_used_up(const Process& process, std::uint64_t reserve) {
  return process.open_descriptors && process.descriptor_limit &&
         *process.open_descriptors + reserve >= *process.descriptor_limit;
}

std::string descriptor_words(const Process& process) {
  return std::to_string(process.open_descriptors.value_or(0)) + " of " +
         std::to_string(process.descriptor_limit.value_or(0)) + " descriptors are open";
}

std::string raise_limit(const Process& process) {
  constexpr std::uint64_t factor = 4;
  const std::string limit = std::to_string(process.descriptor_limit.value_or(0) * factor);
  const std::string now =
      "prlimit --pid " + std::to_string(process.pid) + " --nofile=" + limit + ":";
  return process.unit.empty()
             ? now
             : now + "; to last: LimitNOFILE=" + limit + " in " + printable(process.unit);
}

void explain_descriptors(const Queue& queue, const std::vector<std::string>& lines,
                         Conclusions& found) {
  const bool certain =
      queue.waits && queue.all([](const Process& process) { return has_used_up(process, 0); });
  const bool likely = queue.idle && queue.all([](const Process& process) {
    return has_used_up(process, usual_reserve);
  });
  if (!certain && !likely) return;
  const Process& server = *queue.servers.front();
  found.stops.push_back(
      finding("server_out_of_descriptors", certain ? Certainty::certain : Certainty::likely,
              "the server cannot accept: " + descriptor_words(server) + " in " + words(server),
              raise_limit(server), lines));
}

void explain_unwatched(const Queue& queue, std::vector<std::string> lines, Conclusions& found) {
  const bool ignored =
      queue.all([](const Process& process) { return process.watches_listener == false; });
  if (!ignored || !queue.idle) return;
  if (queue.unaccepted) lines.emplace_back("it did not accept the connection that was made to it");
  found.stops.push_back(
      finding("listener_not_watched", Certainty::certain,
              "the server does not wait for clients: no epoll of " + servers_words(queue) +
                  " watches the listening socket, and it is not in accept",
              "it paused at its limit of connections, or is busy between two calls of accept: see "
              "its log",
              std::move(lines)));
}

void explain_full(const Evidence& evidence, const Queue& queue,
                  const std::vector<std::string>& lines, Conclusions& found) {
  if (!queue.full) return;
  const std::string count = queue.socket == nullptr ? ""
                                                    : ": " + std::to_string(queue.socket->waiting) +
                                                          " wait, and the backlog is " +
                                                          std::to_string(queue.socket->backlog);
  found.stops.push_back(finding(
      "backlog_full", Certainty::certain,
      "the server's backlog is full" + count +
          (evidence.second_look_moved ? "; it accepts, but slowly" : "; it accepts none now"),
      "give the server a longer backlog or more workers (at most net.core.somaxconn), and let "
      "clients retry with a deadline",
      lines));
}

void explain_ending(const Evidence& evidence, Conclusions& found) {
  if (!evidence.probe || evidence.probe->error != 0) return;
  const auto servers = servers_of(evidence);
  const std::string log = servers.empty() || servers.front()->unit.empty()
                              ? "see the server's log"
                              : "see journalctl -u " + shell_quoted(servers.front()->unit);
  const std::string uid = std::to_string(evidence.our_uid);
  if (evidence.probe->ending == Probe::Ending::closed) {
    found.stops.push_back(finding(
        "turned_away", Certainty::likely,
        "the server accepts the connection and closes it at once, as one does that does not allow "
        "uid " +
            uid,
        log + "; a Hallway server allows it with --allow uid:" + uid, server_lines(evidence)));
  } else if (evidence.probe->ending == Probe::Ending::reset) {
    found.stops.push_back(finding("connection_reset", Certainty::likely,
                                  "the server resets the connection: it closed with bytes unread, "
                                  "or while the client waited",
                                  log, server_lines(evidence)));
  }
}

void note_descriptors(const Queue& queue, Conclusions& found) {
  for (const Process* process : queue.servers) {
    if (!process->open_descriptors || !process->descriptor_limit) continue;
    const std::uint64_t limit = *process->descriptor_limit;
    if (limit == 0 || *process->open_descriptors < limit - limit / 10) continue;
    found.odd.push_back(finding("descriptors_nearly_used_up", Certainty::certain,
                                descriptor_words(*process) + " in " + words(*process),
                                raise_limit(*process)));
    return;
  }
}

}  // namespace

void explain_server(const Evidence& evidence, Conclusions& found) {
  const Queue queue = queue_of(evidence);
  const std::vector<std::string> lines = server_lines(evidence);
  const std::size_t before = found.stops.size();
  explain_stopped(queue, lines, found);
  explain_frozen(queue, lines, found);
  explain_blocked(queue, lines, found);
  explain_descriptors(queue, lines, found);
  const auto is_out = [](const Finding& each) { return each.cause == "server_out_of_descriptors"; };
  if (std::ranges::none_of(found.stops, is_out)) note_descriptors(queue, found);
  if (found.stops.size() > before) return;
  explain_full(evidence, queue, lines, found);
  explain_unwatched(queue, lines, found);
  explain_ending(evidence, found);
}

}  // namespace hallway::net
