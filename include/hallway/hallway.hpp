// SPDX-License-Identifier: Apache-2.0
//
// Hallway: how the processes of one machine talk. This header includes all of it; read them in
// this order.
#pragma once

// clang-format off: the order is for readers
#include <hallway/version.hpp>          // which Hallway this is
#include <hallway/error.hpp>            // Error, Result, Outcome: how things end
#include <hallway/bytes.hpp>            // borrowed bytes, and how to show them
#include <hallway/descriptor.hpp>       // an owned file descriptor
#include <hallway/limits.hpp>           // every default and every bound
#include <hallway/task.hpp>             // coroutines
#include <hallway/loop.hpp>             // what runs them
#include <hallway/address.hpp>          // where a socket is found
#include <hallway/peer.hpp>             // who is at the other end, and who may be
#include <hallway/socket.hpp>           // socket types, socket pairs
#include <hallway/framing.hpp>          // messages in a stream of bytes
#include <hallway/message.hpp>          // a received message
#include <hallway/connection.hpp>       // messages over a connected socket
#include <hallway/server.hpp>           // accepting connections
#include <hallway/client.hpp>           // a connection without a loop
#include <hallway/datagram_socket.hpp>  // packets without a connection
#include <hallway/child.hpp>            // a child process at the other end
#include <hallway/server_url.hpp>       // of a NATS server, as a link takes it
#include <hallway/subject.hpp>          // what is published to in a hub, and patterns of it
#include <hallway/hub_rules.hpp>        // who may say and hear what there
#include <hallway/hub.hpp>              // subjects for every process of a machine
#include <hallway/hub_client.hpp>       // publishing and subscribing by way of a hub
#include <hallway/listener.hpp>         // listening alone, without a server
#include <hallway/notify.hpp>           // telling systemd how the service is doing
// clang-format on
