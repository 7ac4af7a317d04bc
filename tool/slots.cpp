// SPDX-License-Identifier: Apache-2.0
#include "slots.hpp"

#include <optional>

namespace hallway::tool {

/// A place in the queue. Whoever is ended while waiting leaves it, and passes on a slot that was
/// meant for him.
struct Slots::Waiting {
  explicit Waiting(Slots& all) : slots(&all), turn(*all.loop_) { all.waiting_.push_back(this); }
  Waiting(const Waiting&) = delete;
  Waiting& operator=(const Waiting&) = delete;
  ~Waiting() {
    slots->waiting_.remove(this);
    if (turn.happened() && !taken) slots->give_back();
  }

  Slots* slots;
  Occurrence turn;
  bool taken = false;
};

Slot::~Slot() {
  if (slots_ != nullptr) slots_->give_back();
}

Task<Slot> Slots::take() {
  if (free_ > 0) {
    --free_;
    co_return Slot(*this);
  }
  Waiting waiting(*this);
  co_await waiting.turn;
  waiting.taken = true;
  co_return Slot(*this);
}

void Slots::give_back() {
  if (waiting_.empty()) {
    ++free_;
    return;
  }
  Waiting* next = waiting_.front();
  waiting_.pop_front();
  next->turn.happen();
}

}  // namespace hallway::tool
