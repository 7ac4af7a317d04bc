// SPDX-License-Identifier: Apache-2.0
#include "net/server_look.hpp"

#include <optional>

#include "net/socket_file.hpp"
#include "sys/file.hpp"
#include "sys/process.hpp"
#include "sys/socket_diag.hpp"

namespace hallway::net {

namespace {

std::optional<sys::ListeningSocket> listening_at(const Address& address) {
  if (address.kind() == Address::Kind::abstract) {
    const auto found = sys::listening_by_name(address.name());
    return found ? std::optional(*found) : std::nullopt;
  }
  const auto file = sys::open_target_of_path(address.name());
  const auto identity = file ? sys::identify(file->get())
                             : sys::Expected<sys::FileIdentity>(std::unexpected(file.error()));
  if (!identity) return std::nullopt;
  const auto found = sys::listening_by_file(identity->device, identity->inode);
  return found ? std::optional(*found) : std::nullopt;
}

}  // namespace

std::string process_state_words(std::int32_t pid) {
  const auto state = pid > 0 ? sys::process_state(pid) : std::unexpected(ENOENT);
  if (!state) return {};
  switch (*state) {
    case 'T': return "is stopped by a signal: kill -CONT " + std::to_string(pid) + " continues it";
    case 't': return "is stopped by a debugger";
    case 'D': return "waits in the kernel and cannot be interrupted (state D)";
    case 'R': return "runs (state R)";
    case 'S': return "sleeps (state S)";
    case 'Z':
    case 'X': return "has ended";
    default: return std::string("is in state ") + *state;
  }
}

std::string full_backlog_words(const Address& address) {
  std::string words = "its backlog is full";
  const auto listening = listening_at(address);
  if (!listening) return words;
  words += ": " + std::to_string(listening->waiting) +
           (listening->waiting == 1 ? " client waits" : " clients wait") + " to be accepted";
  if (address.kind() != Address::Kind::path) return words;
  const auto holder = SocketFile::lock_holder(address);
  if (!holder || !sys::holds_socket(holder->pid, listening->socket)) return words;
  words += "; " + holder->to_string() + " serves it";
  const std::string state = process_state_words(holder->pid);
  return state.empty() ? words : words + " and " + state;
}

}  // namespace hallway::net
