// SPDX-License-Identifier: Apache-2.0
//
// Broadcasts from floor to floor of one server, each of which has a loop and a thread of its own.
//
// All floors deliver all broadcasts in the same order, as if there were one loop: who sends puts
// his message into the inboxes of the others in one step, and only after he has delivered what is
// in his own. An inbox is bounded; as long as one is full, everybody who broadcasts waits.
#pragma once

#include <cstddef>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include <hallway/bytes.hpp>

#include "loop/loop_core.hpp"

namespace hallway::message {

/// Outlives its inboxes.
class BroadcastRelay {
 public:
  /// One message, once for each other floor; they share its bytes.
  using BroadcastMessage = std::list<std::shared_ptr<const std::string>>;

  class Queue;

  /// @param room  bytes from which an inbox counts as full
  explicit BroadcastRelay(std::size_t room) noexcept : room_(room) {}

 private:
  std::mutex mutex_;
  std::vector<Queue*> queues_;
  const std::size_t room_;
};

/// What a floor has not delivered yet, its end of the exchange. It is run on the floor's loop when
/// a message has come, or there is room again for one that could not be sent.
class BroadcastRelay::Queue : public detail::AsyncWakeup {
 public:
  Queue(BroadcastRelay& relay, detail::LoopCore& core);
  ~Queue() override;

  [[nodiscard]] BroadcastMessage prepare(ByteView message) const;

  /// Puts it into every other inbox. False: not before this one is empty and the others have room.
  [[nodiscard]] bool send(BroadcastMessage& copies);

  [[nodiscard]] std::size_t size() const;
  /// The one that came first. Valid until pop().
  [[nodiscard]] ByteView front() const;
  void pop();

 private:
  void put(BroadcastMessage& copies);
  [[nodiscard]] bool full() const noexcept { return bytes_ >= relay_.room_; }

  BroadcastRelay& relay_;
  // Below: of the exchange's mutex.
  BroadcastMessage waiting_;
  std::size_t bytes_ = 0;
  bool wants_room_ = false;  // somebody on this floor waits for others
};

}  // namespace hallway::message
