// SPDX-License-Identifier: Apache-2.0
//
// What only a takeover does with a server: as detail::ListenerHandover, for the listener of it.
#pragma once

#include <hallway/error.hpp>
#include <hallway/server.hpp>

#include "net/socket_file.hpp"

namespace hallway::detail {

class ServerHandover {
 public:
  static Result<net::Handover> offer(const Server& server);
  /// Also drains the server.
  static void hand_over(Server& server);
  static Result<void> claim(Server& server);
};

}  // namespace hallway::detail
