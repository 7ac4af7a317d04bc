// SPDX-License-Identifier: Apache-2.0
//
// The options of the C interface. A null pointer to options means the defaults.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include <hallway.h>
#include <hallway/child.hpp>
#include <hallway/client.hpp>
#include <hallway/connection.hpp>
#include <hallway/datagram_socket.hpp>
#include <hallway/hub_client.hpp>
#include <hallway/server.hpp>
#include <hallway/socket.hpp>

#include "c/handle.hpp"

struct hallway_connection_options : hallway::c::Handle {
  hallway::ConnectionOptions value;
};

struct hallway_connect_options : hallway::c::Handle {
  hallway::ConnectOptions value;
};

struct hallway_server_options : hallway::c::Handle {
  hallway::ServerOptions value;
};

struct hallway_datagram_options : hallway::c::Handle {
  hallway::DatagramOptions value;
};

struct hallway_child_options : hallway::c::Handle {
  struct Standard {
    int input;
    int output;
    int error;
  };

  hallway::ChildOptions value;
  std::optional<Standard> standard;  // instead of a connection
};

struct hallway_hub_options : hallway::c::Handle {
  hallway::hub::ClientOptions value;
};

struct hallway_subscribe_options : hallway::c::Handle {
  hallway::hub::SubscribeOptions value;  // its queue refers to the next
  std::string queue;
};

namespace hallway::c {

/// A copy of the value of options, or of the defaults.
template <typename Options>
auto value_of(const Options* options) {
  assert(options == nullptr || alive(options));
  using Value = decltype(Options::value);
  return options == nullptr ? Value{} : options->value;
}

/// HALLWAY_STREAM and HALLWAY_SEQPACKET.
std::optional<SocketType> connected_type(hallway_socket_type type) noexcept;

}  // namespace hallway::c
