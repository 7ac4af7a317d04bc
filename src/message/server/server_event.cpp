// SPDX-License-Identifier: Apache-2.0
#include <hallway/server_event.hpp>

#include <ostream>

#include <hallway/bytes.hpp>
#include <hallway/datagram_socket.hpp>

namespace hallway {

namespace {

std::string counted(std::uint64_t number, const char* noun) {
  return std::to_string(number) + ' ' + noun + (number == 1 ? "" : "s");
}

std::string transferred(const Counters& counters) {
  std::string words = "received " + counted(counters.messages_received, "message") + " (" +
                      counted(counters.bytes_received, "byte") + "), sent " +
                      counted(counters.messages_sent, "message") + " (" +
                      counted(counters.bytes_sent, "byte") + ")";
  if (counters.dropped > 0) words += ", dropped " + counted(counters.dropped, "broadcast");
  return words;
}

std::string with_peer(const ServerEvent& event, const char* what) {
  return what + (": " + event.peer.to_string());
}

std::string with_reason(const std::string& what, const std::string& reason) {
  return reason.empty() ? what : what + ": " + reason;
}

std::string words_of(const ServerEvent& event) {
  switch (event.kind) {
    case ServerEvent::Kind::connected: return with_peer(event, "connected");
    case ServerEvent::Kind::turned_away:
      return with_reason(with_peer(event, "turned away"), event.reason);
    case ServerEvent::Kind::closed:
      return with_reason(with_peer(event, "closed"), event.reason) + "; " +
             transferred(event.counters);
    case ServerEvent::Kind::accepting_paused: return with_reason("accepting paused", event.reason);
    case ServerEvent::Kind::accepting_resumed: return "accepting resumed";
    case ServerEvent::Kind::handler_threw:
      return with_reason(with_peer(event, "the handler threw an exception"), event.reason);
    case ServerEvent::Kind::path_lost:
      return to_string(PathEvent{PathEvent::Kind::lost, event.path, event.reason});
    case ServerEvent::Kind::path_regained:
      return to_string(PathEvent{PathEvent::Kind::regained, event.path, event.reason});
    case ServerEvent::Kind::taken_over: return "taken over by " + event.peer.to_string();
  }
  return "unknown event";
}

}  // namespace

std::string to_string(const ServerEvent& event) {
  std::string words = printable(words_of(event));
  if (event.connection == 0) return words;
  return "connection " + std::to_string(event.connection) + ": " + words;
}

std::ostream& operator<<(std::ostream& to, const ServerEvent& event) {
  return to << to_string(event);
}

}  // namespace hallway
