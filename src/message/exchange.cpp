// SPDX-License-Identifier: Apache-2.0
#include "message/exchange.hpp"

#include <algorithm>
#include <utility>

namespace hallway::message {

namespace {

// What a message counts for besides its bytes: an empty one is not free.
constexpr std::size_t upkeep = 64;

}  // namespace

Exchange::Inbox::Inbox(Exchange& exchange, detail::LoopCore& core)
    : AsyncWakeup(core), exchange_(exchange) {
  const std::lock_guard lock(exchange_.mutex_);
  exchange_.inboxes_.push_back(this);
}

Exchange::Inbox::~Inbox() {
  const std::lock_guard lock(exchange_.mutex_);
  std::erase(exchange_.inboxes_, this);
  // Nobody waits for it any more.
  for (Inbox* inbox : exchange_.inboxes_) inbox->trigger();
}

Exchange::Parcel Exchange::Inbox::pack(ByteView message) const {
  const auto bytes = std::make_shared<const std::string>(message);
  const std::lock_guard lock(exchange_.mutex_);
  Parcel parcel(exchange_.inboxes_.size() - 1, bytes);
  return parcel;
}

bool Exchange::Inbox::send(Parcel& parcel) {
  const std::lock_guard lock(exchange_.mutex_);
  if (!waiting_.empty()) return false;  // delivering them wakes whoever waits
  const auto is_full = [this](const Inbox* inbox) { return inbox != this && inbox->full(); };
  wants_room_ = std::ranges::any_of(exchange_.inboxes_, is_full);
  if (wants_room_) return false;
  for (Inbox* inbox : exchange_.inboxes_) {
    if (inbox != this) inbox->put(parcel);
  }
  return true;
}

void Exchange::Inbox::put(Parcel& parcel) {
  bytes_ += parcel.front()->size() + upkeep;
  waiting_.splice(waiting_.end(), parcel, parcel.begin());
  trigger();
}

std::size_t Exchange::Inbox::size() const {
  const std::lock_guard lock(exchange_.mutex_);
  return waiting_.size();
}

ByteView Exchange::Inbox::front() const {
  const std::lock_guard lock(exchange_.mutex_);
  return *waiting_.front();
}

void Exchange::Inbox::pop() {
  Parcel delivered;  // freed without the lock
  const std::lock_guard lock(exchange_.mutex_);
  delivered.splice(delivered.begin(), waiting_, waiting_.begin());
  bytes_ -= delivered.front()->size() + upkeep;
  if (full()) return;
  for (Inbox* inbox : exchange_.inboxes_) {
    if (std::exchange(inbox->wants_room_, false)) inbox->trigger();
  }
}

}  // namespace hallway::message
