// SPDX-License-Identifier: Apache-2.0
//
// Hallway: communication between the processes of one machine. This header includes the whole
// library. Read its headers in this order.
#pragma once

// clang-format off: the order is chosen for readers
#include <hallway/version.hpp>          // the version of the library
#include <hallway/error.hpp>            // Error, Result, Outcome: how operations end
#include <hallway/bytes.hpp>            // borrowed bytes, and how to print them
#include <hallway/descriptor.hpp>       // an owned file descriptor
#include <hallway/limits.hpp>           // every default and every bound
#include <hallway/task.hpp>             // coroutines
#include <hallway/loop.hpp>             // the event loop that runs them
#include <hallway/address.hpp>          // addresses of sockets
#include <hallway/peer.hpp>             // the identity of a peer, and rules for who may connect
#include <hallway/socket.hpp>           // socket types, socket pairs
#include <hallway/framing.hpp>          // messages in a stream of bytes
#include <hallway/message.hpp>          // a received message
#include <hallway/connection.hpp>       // messages over a connected socket
#include <hallway/server.hpp>           // accepting connections
#include <hallway/client.hpp>           // a connection without a loop
#include <hallway/datagram_socket.hpp>  // packets without a connection
#include <hallway/child.hpp>            // a child process, connected by a socket pair
#include <hallway/server_url.hpp>       // the URL of a NATS server, for links
#include <hallway/subject.hpp>          // subjects of a hub, and patterns that match them
#include <hallway/hub_rules.hpp>        // who may publish and subscribe to what
#include <hallway/hub.hpp>              // a message hub for the processes of a machine
#include <hallway/hub_client.hpp>       // publishing and subscribing through a hub
#include <hallway/listener.hpp>         // listening without a server
#include <hallway/notify.hpp>           // reporting the state of a service to systemd
// clang-format on
