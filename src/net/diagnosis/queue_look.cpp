// SPDX-License-Identifier: Apache-2.0
#include "net/diagnosis/queue_look.hpp"

#include <algorithm>

#include "net/diagnosis/servers.hpp"
#include "sys/event.hpp"

namespace hallway::net {

namespace {

/// A server that cannot run does not move, however long one waits.
bool is_halted(const Process& process) {
  constexpr std::string_view halted = "TtDZX";
  return process.frozen || !process.alive || halted.contains(process.state);
}

}  // namespace

std::optional<sys::UnixSocket> first_look(Look& look) {
  const SocketEntry* const listening = listening_socket(look.evidence);
  if (listening == nullptr || listening->waiting == 0) return std::nullopt;
  const auto first = sys::unix_socket(listening->inode);
  return first ? std::optional(*first) : std::nullopt;
}

void second_look(Look& look, const sys::UnixSocket& first) {
  const SocketEntry* const listening = listening_socket(look.evidence);
  if (listening == nullptr) return;
  const bool halted =
      !listening->holders.empty() && std::ranges::all_of(listening->holders, is_halted);
  const bool full = first.receive_queue > first.send_queue;
  auto most = full ? full_queue_time : queue_time;
  if (halted) most = std::chrono::milliseconds(0);
  const auto until = Clock::now() + most;
  constexpr std::chrono::milliseconds pause{20};
  while (true) {
    const auto second = sys::unix_socket(first.inode);
    if (!second) return;  // it was closed
    look.evidence.second_look_moved = has_moved(first, *second);
    if (look.evidence.second_look_moved || Clock::now() >= until) return;
    sys::pause_for(pause);
  }
}

bool has_moved(const sys::UnixSocket& first, const sys::UnixSocket& second) {
  if (second.receive_queue < first.receive_queue) return true;
  const auto gone = std::ranges::count_if(first.waiting, [&](std::uint64_t client) {
    return client != 0 && std::ranges::find(second.waiting, client) == second.waiting.end();
  });
  // A client that gave up stays in the queue, with inode zero.
  const auto gave_up =
      std::ranges::count(second.waiting, 0U) - std::ranges::count(first.waiting, 0U);
  return gone > std::max(gave_up, std::ptrdiff_t{0}) || gave_up < 0;
}

}  // namespace hallway::net
