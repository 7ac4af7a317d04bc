// SPDX-License-Identifier: Apache-2.0
// Layer: message
#pragma once

#include <optional>

#include <hallway/bytes.hpp>
#include <hallway/detail/receive_half.hpp>
#include <hallway/detail/send_half.hpp>
#include <hallway/error.hpp>
#include <hallway/export.hpp>
#include <hallway/message.hpp>

namespace hallway::detail {

class BorrowedBy;
class ConnectionCore;
class ConnectionState;
struct Wait;

/// What the public headers know of a connection: its two halves, whose fast paths are inline, and
/// the objects that continue where these do not suffice.
struct HALLWAY_EXPORT ConnectionHalves {
  ReceiveHalf receive;
  SendHalf send;
  const ConnectionCore& core;         ///< owns this object
  ConnectionState* const state;       ///< null for a blocking client
  BorrowedBy* borrowed_by = nullptr;  ///< the tasks that refer to the connection
  Wait* completed = nullptr;          ///< a receive that has its result and has not continued yet

  /// Takes the message that receive.find() has just found.
  Received take_front(const ReceiveHalf::Front& front) {
    return Received(receive.take_front(front));
  }

  /// Takes the next message if find() found none.
  /// @return false if the task has to wait: more may still arrive, or its share of the turn is used
  bool take_next(std::optional<Received>& received);

  /// Queues a message.
  /// @return ok; would_block: try again later (back-pressure); or why it cannot be sent
  Outcome enqueue(ByteView message) {
    if (send.try_enqueue(message)) [[likely]]
      return Outcome::ok;
    return enqueue_slowly(message);
  }
  Outcome enqueue_slowly(ByteView message);

  /// `outcome` with what its error needs: null if it is ok.
  [[nodiscard]] Reason reason(Outcome outcome) const noexcept;
};

}  // namespace hallway::detail
