// SPDX-License-Identifier: Apache-2.0
//
// What can be found out about a server that does not answer, from the kernel's data about its
// socket and its process. The texts are for people; each function reports what was observed, not
// what is merely likely.
#pragma once

#include <cstdint>
#include <string>

#include <hallway/address.hpp>
#include <hallway/peer.hpp>

namespace hallway::net {

/// "is stopped by a signal: kill -CONT 4711 continues it", "sleeps (state S)"; empty if unknown,
/// for example for a process of another pid namespace.
std::string process_state_words(std::int32_t pid);

/// For a server whose backlog is full: "its backlog is full: 5 clients wait to be accepted; pid
/// 4711 (hallway), uid 1000 serves it and is stopped by a signal: ...". The process is found
/// through the lock file beside a path, and is named if it holds the socket.
std::string full_backlog_words(const Address& address);

}  // namespace hallway::net
