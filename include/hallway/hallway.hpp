// SPDX-License-Identifier: Apache-2.0
//
// Hallway: communication between the processes of one machine. This header includes the library,
// except for link.hpp, which belongs to the library hallway::link, and fmt.hpp, which needs fmt.
// Read its headers in this order.
#pragma once

// clang-format off: the order is chosen for readers
#include <hallway/version.hpp>          // the version of the library
#include <hallway/error.hpp>            // Error, Result, Outcome: how operations end
#include <hallway/bytes.hpp>            // borrowed bytes, and how to print them
#include <hallway/descriptor.hpp>       // an owned file descriptor
#include <hallway/limits.hpp>           // every default and every bound
#include <hallway/deadline.hpp>         // a point in time that several steps share
#include <hallway/overflow_policy.hpp>  // what a full queue does
#include <hallway/task.hpp>             // coroutines
#include <hallway/loop.hpp>             // the event loop that runs them
#include <hallway/task_handle.hpp>      // a task that was given to spawn()
#include <hallway/task_scope.hpp>       // tasks that end together
#include <hallway/when_any.hpp>         // the first of several things, or a timeout
#include <hallway/event.hpp>            // waiting for what another task does
#include <hallway/semaphore.hpp>        // a limit on tasks that do something at once
#include <hallway/channel.hpp>          // a queue between tasks
#include <hallway/in_thread.hpp>        // blocking work beside the loop
#include <hallway/interrupt.hpp>        // ending a call that blocks
#include <hallway/address.hpp>          // addresses of sockets
#include <hallway/peer.hpp>             // the identity of a peer, and rules for who may connect
#include <hallway/socket.hpp>           // socket types, socket pairs
#include <hallway/framing.hpp>          // messages in a stream of bytes
#include <hallway/message.hpp>          // a received message
#include <hallway/connection.hpp>       // messages over a connected socket
#include <hallway/server_event.hpp>     // what a server calls: handlers, and its events
#include <hallway/server.hpp>           // accepting connections
#include <hallway/client.hpp>           // a connection without a loop
#include <hallway/datagram_socket.hpp>  // packets without a connection
#include <hallway/line_reader.hpp>      // lines from a pipe, a terminal or a file
#include <hallway/child.hpp>            // a child process, connected by a socket pair
#include <hallway/server_url.hpp>       // the URL of a NATS server, for links
#include <hallway/subject.hpp>          // subjects of a hub, and patterns that match them
#include <hallway/hub_rules.hpp>        // who may publish and subscribe to what
#include <hallway/hub.hpp>              // a message hub for the processes of a machine
#include <hallway/hub_address.hpp>      // where a hub is if nobody names its address
#include <hallway/hub_client.hpp>       // publishing and subscribing through a hub
#include <hallway/hub_blocking_client.hpp>  // the same without a loop
#include <hallway/listener.hpp>         // listening without a server
#include <hallway/diagnosis.hpp>        // why an address cannot be reached
#include <hallway/notify.hpp>           // reporting the state of a service to systemd
// clang-format on
