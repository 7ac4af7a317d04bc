// SPDX-License-Identifier: Apache-2.0
#include "net/diagnosis/explain_parts.hpp"

#include <algorithm>
#include <cerrno>
#include <utility>

#include "net/diagnosis/words.hpp"

namespace hallway::net {

namespace {

bool is_last(const Evidence& evidence, const PathStep& step) {
  return step.last || step.path == evidence.address.name();
}

bool is_server(const SocketEntry& socket) {
  return socket.state == SocketState::listening || socket.type == SocketType::datagram;
}

std::string held_by(const SocketEntry& socket) {
  for (const Process& holder : socket.holders) {
    if (holder.alive) return detailed_words(holder);
  }
  return socket.uid ? "a server of uid " + std::to_string(*socket.uid) : "a server";
}

std::string_view state_words(const SocketEntry& socket) {
  if (socket.state == SocketState::listening) return "listening: ";
  if (socket.type == SocketType::datagram) return "receiving datagrams: ";
  return socket.state == SocketState::bound ? "bound: " : "connected: ";
}

}  // namespace

Finding finding(CauseWord cause, Certainty certainty, std::string sentence, std::string fix,
                std::vector<std::string> evidence) {
  return {std::string(cause.get()), certainty, std::move(sentence), std::move(evidence),
          std::move(fix)};
}

const PathStep* target_of(const Evidence& evidence) {
  if (evidence.steps.empty()) return nullptr;
  const PathStep& step = evidence.steps.back();
  return is_last(evidence, step) && step.kind != StepKind::symlink ? &step : nullptr;
}

const PathStep* own_name_of(const Evidence& evidence) {
  const auto found = std::ranges::find_if(evidence.steps, [&](const PathStep& step) {
    const bool last_link = step.last && step.kind == StepKind::symlink;
    return last_link || step.path == evidence.address.name();
  });
  return found == evidence.steps.end() ? target_of(evidence) : &*found;
}

const PathStep* parent_of(const Evidence& evidence) {
  if (evidence.steps.empty() || !is_last(evidence, evidence.steps.back())) return nullptr;
  const PathStep* parent = nullptr;
  for (std::size_t at = 0; at + 1 < evidence.steps.size(); ++at) {
    const PathStep& step = evidence.steps[at];
    if (step.kind == StepKind::directory) parent = &step;
  }
  return parent;
}

bool is_met_again(const Evidence& evidence, const PathStep& step) {
  const auto first = std::ranges::find(evidence.steps, step.path, &PathStep::path);
  return step.kind == StepKind::directory && first->kind == step.kind && &*first != &step;
}

std::vector<const SocketEntry*> reachable_sockets(const Evidence& evidence) {
  const std::int32_t where = evidence.subject.other_network ? evidence.subject.pid : 0;
  std::vector<const SocketEntry*> found;
  for (const SocketEntry& socket : evidence.sockets) {
    if (!socket.abstract || socket.seen_by_pid == where) found.push_back(&socket);
  }
  return found;
}

const SocketEntry* serving_socket(const Evidence& evidence) {
  const auto sockets = reachable_sockets(evidence);
  const auto found =
      std::ranges::find_if(sockets, [](const SocketEntry* socket) { return is_server(*socket); });
  return found == sockets.end() ? nullptr : *found;
}

std::vector<const Process*> servers_of(const Evidence& evidence) {
  std::vector<const Process*> found;
  if (const SocketEntry* const socket = serving_socket(evidence)) {
    for (const Process& holder : socket->holders) {
      if (holder.alive) found.push_back(&holder);
    }
  }
  // systemd keeps what it handed over, and does not accept while the service runs.
  if (found.size() > 1) std::erase_if(found, [](const Process* each) { return each->pid == 1; });
  const bool probed = evidence.probe && evidence.probe->listener;
  if (found.empty() && probed && evidence.probe->listener->alive) {
    found.push_back(&*evidence.probe->listener);
  }
  return found;
}

const Process* holder_of_connected(const Evidence& evidence) {
  for (const SocketEntry& socket : evidence.connected) {
    const auto alive = std::ranges::find_if(socket.holders, &Process::alive);
    if (alive != socket.holders.end()) return &*alive;
  }
  return nullptr;
}

bool has_connected(const Evidence& evidence) {
  return evidence.subject.kind == Subject::Kind::self && evidence.probe &&
         evidence.probe->error == 0;
}

bool has_permission(const Evidence& evidence) {
  if (evidence.subject.kind != Subject::Kind::self || !evidence.probe) return false;
  const int error = evidence.probe->error;
  return !evidence.probe->socket_refused &&
         (error == 0 || error == ECONNREFUSED || error == EAGAIN || error == EPROTOTYPE);
}

bool is_alive(const Evidence& evidence) {
  if (evidence.probe) {
    const int error = evidence.probe->error;
    if (error == 0 || error == EAGAIN || error == EPROTOTYPE) return true;
  }
  return !reachable_sockets(evidence).empty() || evidence.held.value_or(false);
}

std::string line_for(const SocketEntry& socket) {
  std::string line = std::string(state_words(socket)) + held_by(socket);
  if (socket.state == SocketState::listening) line += ", " + queue_words(socket);
  return line;
}

std::vector<std::string> server_lines(const Evidence& evidence) {
  const SocketEntry* const socket = serving_socket(evidence);
  const auto servers = servers_of(evidence);
  if (socket == nullptr && servers.empty()) return {};
  std::string line = socket == nullptr ? "listening: " : std::string(state_words(*socket));
  line += servers.empty() ? held_by(*socket) : detailed_words(*servers.front());
  if (servers.size() > 1) line += " and " + std::to_string(servers.size() - 1) + " more";
  if (socket != nullptr && socket->state == SocketState::listening) {
    line += ", " + queue_words(*socket);
  }
  return {line};
}

std::string restart_words(const std::string& unit) {
  // A user's manager and a session are units that one does not restart for this.
  const bool is_service = unit.ends_with(".service") && !unit.starts_with("user@");
  return is_service ? "systemctl restart " + shell_quoted(unit) : "restart the server";
}

}  // namespace hallway::net
