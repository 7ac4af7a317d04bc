// SPDX-License-Identifier: Apache-2.0
//
// How the command reacts to events of its own server.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include <hallway/address.hpp>
#include <hallway/datagram_socket.hpp>
#include <hallway/limits.hpp>
#include <hallway/loop.hpp>
#include <hallway/server.hpp>

#include "io/events.hpp"
#include "io/spare_memory.hpp"
#include "server/ready.hpp"

namespace hallway::tool {

class ServerWatch {
 public:
  ServerWatch(Loop& loop, Events& events, ServerRun& run, PathLost on_path_lost)
      : loop_(&loop), events_(&events), run_(&run), on_path_lost_(on_path_lost), memory_(loop) {}

  /// To be called with every event.
  /// @param should_log  whether the event is logged
  void follow(const ServerEvent& event, bool should_log = true);

  /// The same for a datagram socket.
  void follow(const PathEvent& event);

  /// Reports the first lost path, if the server ended because of it.
  /// @return the exit status; `status` unless a path was lost
  [[nodiscard]] int status_of_end(int status, std::string_view verb) const;

 private:
  /// A path of this server that was removed or replaced, and how.
  struct LostPath {
    Address path;
    std::string why;
  };

  void lose(const Address& path, const std::string& why);

  Loop* loop_;
  Events* events_;
  ServerRun* run_;
  PathLost on_path_lost_;
  SpareMemory memory_;
  std::optional<LostPath> lost_;
};

}  // namespace hallway::tool
