// SPDX-License-Identifier: Apache-2.0
//
// What can be found out about a server that does not answer, from the kernel's data about its
// socket and its process. The texts are for people; each function reports what was observed, not
// what is merely likely.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include <hallway/address.hpp>
#include <hallway/peer.hpp>
#include <hallway/socket.hpp>

namespace hallway::net {

/// "is stopped by a signal (kill -CONT 4711 continues it)", "is sleeping (state S)"; empty if
/// unknown, for example for a process of another pid namespace.
std::string process_state_words(std::int32_t pid);

/// The type of the live socket at a path or an abstract name; nullopt if it cannot be found out.
std::optional<SocketType> type_at(const Address& address);

/// For a server whose backlog is full: "its backlog is full: 5 clients wait for accept; pid 4711
/// (hallway), uid 1000 owns it and is stopped by a signal (...)". The process is found
/// through the lock file beside a path, and is named if it holds the socket.
std::string full_backlog_words(const Address& address);

}  // namespace hallway::net
