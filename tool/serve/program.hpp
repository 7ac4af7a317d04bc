// SPDX-License-Identifier: Apache-2.0
//
// "-- PROGRAM ARGS": one process per connection, with the connection as its standard input and
// output and the peer in its environment, as in ucspi servers.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include <hallway/connection.hpp>
#include <hallway/loop.hpp>
#include <hallway/peer.hpp>
#include <hallway/task.hpp>

#include "io/events.hpp"

namespace hallway::tool {

class ProgramPerConnection {
 public:
  ProgramPerConnection(Loop& loop, Events& events, std::vector<std::string> program);

  /// Passes the connection to a new process; completes when the process has ended.
  Task<> serve(Connection connection);

 private:
  [[nodiscard]] std::vector<std::string> environment(const Peer& peer) const;
  Task<> run(std::uint64_t connection, Descriptor socket, std::vector<std::string> environment);

  Loop* loop_;
  Events* events_;
  std::vector<std::string> program_;
  std::map<std::uint32_t, std::size_t> running_;  // by uid
};

}  // namespace hallway::tool
