// SPDX-License-Identifier: Apache-2.0
//
// What only a hub does with a server: it also accepts clients over TCP. They become connections of
// the same server, under the same limits. Its rules apply to them as on an abstract name, because
// a port has no permissions: without a rule that admits others, only our own uid and root are
// admitted.
#pragma once

#include <string>
#include <vector>

#include <hallway/error.hpp>
#include <hallway/loop.hpp>
#include <hallway/server.hpp>

#include "net/tcp_listener.hpp"

namespace hallway::detail {

class ServerListeners {
 public:
  /// The addresses over TCP at which a server listens, as for net::TcpListener::open().
  struct Tcp {
    std::vector<std::string> addresses = {};
    bool anywhere = false;
  };

  /// As Server::open(). A server that takes over also gets the TCP listeners of its predecessor
  /// that are bound to one of these addresses, with the clients in their queues.
  /// @errors also those of net::TcpListener::open()
  static Result<Server> open(Loop& loop, const AddressSpec& address, ConnectionHandler handler,
                             ServerOptions options, const Tcp& tcp);

  /// Where the server listens over TCP until it drains: "tcp:127.0.0.1:4222".
  static std::vector<std::string> tcp_addresses(const Server& server);

 private:
  static Result<Server> start(Loop& loop, Listener listener, std::vector<net::TcpListener> tcp,
                              ConnectionHandler handler, ServerOptions options);
  static Result<Server> take_over(Loop& loop, const AddressSpec& address,
                                  const ConnectionHandler& handler, const ServerOptions& options,
                                  const Tcp& tcp);
  static Result<Server> try_take_over(Loop& loop, const AddressSpec& address,
                                      const ConnectionHandler& handler,
                                      const ServerOptions& options, const Tcp& tcp);

  friend class hallway::Server;
};

}  // namespace hallway::detail
