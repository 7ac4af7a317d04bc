// SPDX-License-Identifier: Apache-2.0
#include "io/semaphore.hpp"

#include <optional>

namespace hallway::tool {

/// An entry in the queue. A task that is destroyed while it waits removes its entry, and releases a
/// slot that it was already given.
struct Semaphore::Waiting {
  explicit Waiting(Semaphore& all) : slots(&all), turn(*all.loop_) { all.waiting_.push_back(this); }
  Waiting(const Waiting&) = delete;
  Waiting& operator=(const Waiting&) = delete;
  ~Waiting() {
    slots->waiting_.remove(this);
    if (turn.happened() && !taken) slots->give_back();
  }

  Semaphore* slots;
  Event turn;
  bool taken = false;
};

Slot::~Slot() {
  if (slots_ != nullptr) slots_->give_back();
}

Task<Slot> Semaphore::take() {
  if (free_ > 0) {
    --free_;
    co_return Slot(*this);
  }
  Waiting waiting(*this);
  co_await waiting.turn;
  waiting.taken = true;
  co_return Slot(*this);
}

void Semaphore::give_back() {
  if (waiting_.empty()) {
    ++free_;
    return;
  }
  Waiting* next = waiting_.front();
  waiting_.pop_front();
  next->turn.happen();
}

}  // namespace hallway::tool
