// SPDX-License-Identifier: Apache-2.0
//
// Passes broadcasts between the shards of one server, each of which has its own loop and thread.
//
// All shards deliver all broadcasts in the same order, as if there were one loop. A sending shard
// puts its message into the queues of all others in one step, and only after it has delivered
// everything in its own queue. Queues are bounded: while one is full, all senders wait.
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

/// Must outlive its queues.
class BroadcastRelay {
 public:
  /// One message, with one node for each other shard. The nodes share its bytes.
  using BroadcastMessage = std::list<std::shared_ptr<const std::string>>;

  class Queue;

  /// @param room  size in bytes at which a queue counts as full
  explicit BroadcastRelay(std::size_t room) noexcept : room_(room) {}

 private:
  std::mutex mutex_;
  std::vector<Queue*> queues_;
  const std::size_t room_;
};

/// The broadcasts that a shard has not delivered yet. run() is called on the shard's loop when a
/// message has arrived, or when there is room again for one that could not be sent.
class BroadcastRelay::Queue : public detail::AsyncWakeup {
 public:
  Queue(BroadcastRelay& relay, detail::LoopCore& core);
  ~Queue() override;

  [[nodiscard]] BroadcastMessage prepare(ByteView message) const;

  /// Puts the message into every other queue.
  /// @return false while this queue is not empty or another one is full
  [[nodiscard]] bool send(BroadcastMessage& copies);

  [[nodiscard]] std::size_t size() const;
  /// The oldest message. Valid until pop().
  [[nodiscard]] ByteView front() const;
  void pop();

 private:
  void put(BroadcastMessage& copies);
  [[nodiscard]] bool full() const noexcept { return bytes_ >= relay_.room_; }

  BroadcastRelay& relay_;
  // Guarded by the relay's mutex:
  BroadcastMessage waiting_;
  std::size_t bytes_ = 0;
  bool wants_room_ = false;  // a task on this shard waits for other queues
};

}  // namespace hallway::message
