// SPDX-License-Identifier: Apache-2.0
// Layer: message
//
// What a server calls in the program: a handler for each connection, and a function for its events.
#pragma once

#include <cstdint>
#include <functional>
#include <iosfwd>
#include <string>

#include <hallway/address.hpp>
#include <hallway/connection.hpp>
#include <hallway/export.hpp>
#include <hallway/peer.hpp>
#include <hallway/task.hpp>

namespace hallway {

/// A handler owns its connection. When it returns, what it sent is written and the connection is
/// closed. An exception that leaves it, or that ended a task of a TaskScope in it, closes that
/// connection and is reported as an event. The server keeps the handler until its last connection
/// has ended, so a lambda that is a coroutine may use what it has captured.
using ConnectionHandler = std::function<Task<>(Connection)>;

/// An event the program may want to log. The library itself never does.
struct ServerEvent {
  enum class Kind : std::uint8_t {
    connected,
    turned_away,       ///< by a rule, or because its uid has its share; `reason` states which
    closed,            ///< `reason` states how it ended, `counters` what it transferred
    accepting_paused,  ///< at max_connections or out of descriptors; `reason` states which
    accepting_resumed,
    handler_threw,  ///< an exception left the handler; its connection is closed
    path_lost,      ///< `path` no longer leads to the server; `reason` states why
    path_regained,  ///< `path` leads to it again: it was bound again, or restored
    taken_over,     ///< a successor, `peer`, now has the address; the server drains
  };
  Kind kind;
  std::uint64_t connection;  ///< its number; 0 if the event is not about a connection
  Peer peer;
  std::string reason;
  Counters counters;
  /// path_lost, path_regained: the server's own address, or that of its control socket, if it
  /// offers a takeover. Losing the path is one event, and regaining it another. A control socket
  /// that is bound again together with its server causes no event of its own.
  Address path = {};
};

/// One line, printable, without a line feed, for example
/// "connection 7: closed: pid 4711 (app), uid 1000: the client closed the connection; received 2
/// messages (12 bytes), sent 2 messages (12 bytes)". For people: it may change, and it reads the
/// peer's name from /proc.
HALLWAY_EXPORT std::string to_string(const ServerEvent& event);
HALLWAY_EXPORT std::ostream& operator<<(std::ostream& to, const ServerEvent& event);

}  // namespace hallway
