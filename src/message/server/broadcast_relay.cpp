// SPDX-License-Identifier: Apache-2.0
#include "message/server/broadcast_relay.hpp"

#include <algorithm>
#include <utility>

namespace hallway::message {

namespace {

// What a message counts for in addition to its bytes, because even an empty one costs memory.
constexpr std::size_t upkeep = 64;

}  // namespace

BroadcastRelay::Queue::Queue(BroadcastRelay& relay, detail::LoopCore& core)
    : AsyncWakeup(core), relay_(relay) {
  const std::lock_guard lock(relay_.mutex_);
  relay_.queues_.push_back(this);
}

BroadcastRelay::Queue::~Queue() {
  const std::lock_guard lock(relay_.mutex_);
  std::erase(relay_.queues_, this);
  // No sender has to wait for this queue any longer.
  for (Queue* queue : relay_.queues_) queue->trigger();
}

BroadcastRelay::BroadcastMessage BroadcastRelay::Queue::prepare(ByteView message) const {
  const auto bytes = std::make_shared<const std::string>(message);
  const std::lock_guard lock(relay_.mutex_);
  BroadcastMessage copies(relay_.queues_.size() - 1, bytes);
  return copies;
}

bool BroadcastRelay::Queue::send(BroadcastMessage& copies) {
  const std::lock_guard lock(relay_.mutex_);
  if (!waiting_.empty()) return false;  // delivering them wakes the tasks that wait
  const auto is_full = [this](const Queue* queue) { return queue != this && queue->full(); };
  wants_room_ = std::ranges::any_of(relay_.queues_, is_full);
  if (wants_room_) return false;
  for (Queue* queue : relay_.queues_) {
    if (queue != this) queue->put(copies);
  }
  return true;
}

void BroadcastRelay::Queue::put(BroadcastMessage& copies) {
  bytes_ += copies.front()->size() + upkeep;
  waiting_.splice(waiting_.end(), copies, copies.begin());
  trigger();
}

std::size_t BroadcastRelay::Queue::size() const {
  const std::lock_guard lock(relay_.mutex_);
  return waiting_.size();
}

ByteView BroadcastRelay::Queue::front() const {
  const std::lock_guard lock(relay_.mutex_);
  return *waiting_.front();
}

void BroadcastRelay::Queue::pop() {
  BroadcastMessage delivered;  // destroyed after the lock is released
  const std::lock_guard lock(relay_.mutex_);
  delivered.splice(delivered.begin(), waiting_, waiting_.begin());
  bytes_ -= delivered.front()->size() + upkeep;
  if (full()) return;
  for (Queue* queue : relay_.queues_) {
    if (std::exchange(queue->wants_room_, false)) queue->trigger();
  }
}

}  // namespace hallway::message
