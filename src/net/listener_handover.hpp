// SPDX-License-Identifier: Apache-2.0
//
// What only a takeover does with a listener (message/server/takeover.hpp): its socket and its name
// pass to another process.
#pragma once

#include <hallway/address.hpp>
#include <hallway/error.hpp>
#include <hallway/listener.hpp>

#include "net/socket_file.hpp"

namespace hallway::detail {

class ListenerHandover {
 public:
  /// As Listener::bind(), for a name that the lock of another one covers.
  static Result<Listener> bind_without_lock(const AddressSpec& where, const BindOptions& options);

  /// Copies of the descriptors for a successor, which then shares the queue of clients and the
  /// lock. The listener owns the name until hand_over().
  /// @errors invalid_argument: the listener was inherited, or its address is not a path; ESTALE:
  ///         the path was lost
  static Result<net::Handover> offer(const Listener& listener);

  /// Gives the name up to the successor; the listener then treats it as inherited. Call it only
  /// when the successor is certain to claim() the name: no other process will ever remove it.
  static void hand_over(Listener& listener) noexcept;

  /// The successor's side: adopts what the listener bound to `where` offered. Until claim(), the
  /// predecessor owns the name, and the new listener does not change, refuse or remove it.
  /// @errors ESTALE: the path or its lock now leads to another file;
  ///         wrong_protocol_type: the socket is not of options.type
  static Result<Listener> adopt(const AddressSpec& where, net::Handover from,
                                const BindOptions& options = {},
                                net::NameLock lock = net::NameLock::own);

  /// Takes ownership of the name, which the predecessor has given up, and applies the mode, owner
  /// and backlog of adopt()'s options. The kernel names this process as the server to clients that
  /// connect from now on (SO_PEERCRED).
  /// @errors of changing mode or owner; the listener owns the name all the same
  static Result<void> claim(Listener& listener);
};

}  // namespace hallway::detail
