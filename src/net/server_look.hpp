// SPDX-License-Identifier: Apache-2.0
//
// What can be known of a server that does not answer: from the kernel's words on its socket and its
// process. Words for people; each function says what was seen, and nothing that is only likely.
#pragma once

#include <cstdint>
#include <string>

#include <hallway/address.hpp>
#include <hallway/peer.hpp>

namespace hallway::net {

/// "is stopped by a signal: kill -CONT 4711 continues it", "sleeps (state S)"; empty where it
/// cannot be known, as of a process of another pid namespace.
std::string process_state_words(std::int32_t pid);

/// Of a server whose queue of clients is full: "its backlog is full: 5 clients wait to be accepted;
/// pid 4711 (hallway), uid 1000 serves it and is stopped by a signal: ...". Its process is found by
/// the lock file beside a path, and named if it holds the socket.
std::string full_backlog_words(const Address& address);

}  // namespace hallway::net
