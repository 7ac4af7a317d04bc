// SPDX-License-Identifier: Apache-2.0
//
// A server is there: does it get to its clients, and what did it do to the probe?
#include <algorithm>
#include <cerrno>
#include <functional>
#include <limits>
#include <optional>
#include <ranges>
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
  bool waits = false;    ///< a client waits
  bool in_part = false;  ///< other processes may serve as well
  bool full = false;
  bool unaccepted = false;  ///< that of the probe was not accepted
  bool serves = false;      ///< that of the probe was accepted
  bool idle = false;        ///< clients wait, and none was accepted between two looks

  [[nodiscard]] Certainty certainty() const {
    return in_part ? Certainty::likely : Certainty::certain;
  }

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
  const auto& probe = evidence.probe;
  queue.unaccepted = probe && probe->accepted == false;
  queue.serves = probe && probe->error == 0 &&
                 (probe->accepted == true || probe->ending != Probe::Ending::open);
  queue.in_part = queue.socket == nullptr || queue.socket->holders_in_part ||
                  std::ranges::none_of(queue.socket->holders, &Process::alive);
  queue.waits = queue.full || queue.unaccepted || (listens && queue.socket->waiting > 0);
  queue.idle = queue.waits && !evidence.second_look_moved;
  return queue;
}

std::string servers_words(const Queue& queue) {
  return queue.servers.size() == 1 ? words(*queue.servers.front()) : listed(queue.servers);
}

std::string continue_words(const Queue& queue) {
  constexpr std::size_t most = 5;
  std::string text = "kill -CONT";
  for (const Process* process : queue.servers | std::views::take(most)) {
    text += " " + std::to_string(process->pid);
  }
  return queue.servers.size() > most ? text + ", and likewise the others" : text;
}

void explain_stopped(const Queue& queue, const std::vector<std::string>& lines,
                     Conclusions& found) {
  const bool stopped = queue.all(
      [](const Process& process) { return process.state == 'T' || process.state == 't'; });
  if (!stopped) return;
  const Process& server = *queue.servers.front();
  if (server.state != 't') {
    found.stops.push_back(finding("server_stopped", queue.certainty(),
                                  "the server is stopped by a signal: " + servers_words(queue),
                                  continue_words(queue), lines));
    return;
  }
  const std::string debugger = printable(server.traced_by_command);
  found.stops.push_back(
      finding("server_stopped", queue.certainty(),
              "the server is stopped by a debugger: " + servers_words(queue),
              "continue it in " + (debugger.empty() ? "the debugger" : debugger) +
                  (server.traced_by > 0 ? ", pid " + std::to_string(server.traced_by) : ""),
              lines));
}

void explain_frozen(const Queue& queue, const std::vector<std::string>& lines, Conclusions& found) {
  if (!queue.all(&Process::frozen)) return;
  const std::string& unit = queue.servers.front()->unit;
  found.stops.push_back(finding("server_frozen", queue.certainty(),
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
  return open_words(process.open_descriptors.value_or(0), process.descriptor_limit.value_or(0));
}

std::string limit_text(std::uint64_t limit) {
  return limit == std::numeric_limits<std::uint64_t>::max() ? "unlimited" : std::to_string(limit);
}

std::string raise_limit(const Process& process) {
  constexpr std::uint64_t factor = 4;
  const std::uint64_t soft = process.descriptor_limit.value_or(0);
  const std::uint64_t wanted = soft > std::numeric_limits<std::uint64_t>::max() / factor
                                   ? soft
                                   : std::max<std::uint64_t>(soft, 1) * factor;
  const std::uint64_t hard = process.descriptor_hard_limit.value_or(soft);
  // Only root may raise the hard limit, above which the soft one cannot be.
  const bool has_room = hard > soft;
  const std::string now = std::to_string(has_room ? std::min(wanted, hard) : wanted);
  const std::string command = "prlimit --pid " + std::to_string(process.pid) + " --nofile=" + now +
                              ":" + (has_room ? limit_text(hard) : now) +
                              (has_room ? "" : "  (as root)");
  return process.unit.empty() ? command
                              : command + "; to last: LimitNOFILE=" + std::to_string(wanted) +
                                    " in " + printable(process.unit);
}

void explain_descriptors(const Queue& queue, const std::vector<std::string>& lines,
                         Conclusions& found) {
  const bool used_up =
      queue.waits && queue.all([](const Process& process) { return has_used_up(process, 0); });
  const bool likely = queue.idle && queue.all([](const Process& process) {
    return has_used_up(process, usual_reserve);
  });
  if (!used_up && !likely) return;
  const Process& server = *queue.servers.front();
  found.stops.push_back(
      finding("server_out_of_descriptors", used_up ? queue.certainty() : Certainty::likely,
              "the server cannot accept: " + descriptor_words(server) + " in " + words(server),
              raise_limit(server), lines));
}

std::string watch_words(const Process& process) {
  const std::string pid = std::to_string(process.pid);
  const std::string log =
      process.unit.empty() ? "its log" : "journalctl -u " + shell_quoted(process.unit);
  return "see what it does instead: strace -f -p " + pid + ", or " + log;
}

void explain_unwatched(const Queue& queue, std::vector<std::string> lines, Conclusions& found) {
  const bool ignored =
      queue.all([](const Process& process) { return process.watches_listener == false; });
  if (!ignored || !queue.idle) return;
  if (queue.unaccepted) lines.emplace_back("it did not accept the connection that was made to it");
  found.stops.push_back(
      finding("listener_not_watched", queue.in_part ? Certainty::possible : Certainty::likely,
              "the server does not wait for clients: no epoll of " + servers_words(queue) +
                  " watches the listening socket, and it is not in accept",
              watch_words(*queue.servers.front()), std::move(lines)));
}

/// What the server does instead is not known: it may be busy.
void explain_unaccepted(const Queue& queue, const std::vector<std::string>& lines,
                        Conclusions& found) {
  if (queue.serves || !queue.idle) return;
  auto one = finding(
      "not_accepted", Certainty::possible,
      std::string(queue.unaccepted ? "the server did not accept the connection that was made to it"
                                   : "the server accepts none of the clients that wait") +
          ": it is busy, or does not wait for clients",
      queue.servers.empty() ? "see what the server does: its log, or strace"
                            : watch_words(*queue.servers.front()),
      lines);
  // Alone it waited only for as long as a busy server may need.
  const bool others_wait = queue.socket != nullptr && queue.socket->waiting > 0;
  (others_wait ? found.stops : found.odd).push_back(std::move(one));
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
  // One that accepted the probe works, whatever the processes that were seen look like.
  if (!queue.serves) {
    explain_stopped(queue, lines, found);
    explain_frozen(queue, lines, found);
    explain_blocked(queue, lines, found);
    explain_descriptors(queue, lines, found);
  }
  const auto is_out = [](const Finding& each) { return each.cause == "server_out_of_descriptors"; };
  if (std::ranges::none_of(found.stops, is_out)) note_descriptors(queue, found);
  if (found.stops.size() > before) return;
  explain_full(evidence, queue, lines, found);
  if (!queue.serves) explain_unwatched(queue, lines, found);
  if (found.stops.size() == before) explain_unaccepted(queue, lines, found);
  explain_ending(evidence, found);
}

}  // namespace hallway::net
