// SPDX-License-Identifier: Apache-2.0
#include <hallway/detail/channel_state.hpp>

#include <cassert>

#include "loop/wait_queue.hpp"

namespace hallway::detail {

ChannelState::ChannelState(Loop& loop, std::size_t capacity)
    : capacity_(capacity),
      receivers_(std::make_unique<WaitQueue>(loop.core(), WaitQueue::Drain::ends_the_wait)),
      senders_(std::make_unique<WaitQueue>(loop.core(), WaitQueue::Drain::ends_the_wait)) {
  assert(capacity > 0 && "a channel without room never passes a value");
}

ChannelState::~ChannelState() = default;

Outcome ChannelState::may_put(std::size_t size) const noexcept {
  if (closed_) return Outcome::closed;
  return size + senders_->woken() < capacity_ ? Outcome::ok : Outcome::would_block;
}

Outcome ChannelState::may_take(std::size_t size) const noexcept {
  if (closed_) return size > 0 ? Outcome::ok : Outcome::end_of_stream;
  return size > receivers_->woken() ? Outcome::ok : Outcome::would_block;
}

void ChannelState::wake_receiver() { receivers_->wake_one(); }
void ChannelState::wake_sender() { senders_->wake_one(); }

void ChannelState::close() noexcept {
  closed_ = true;
  receivers_->wake_all();
  senders_->wake_all();
}

ChannelWait::ChannelWait(ChannelState& state, For what, Duration within)
    : queue_(what == For::value ? *state.receivers_ : *state.senders_), deadline_(within) {}

Task<> ChannelWait::again() {
  const WokenBy woken_by = co_await WaitQueue::Place(queue_, deadline_.left());
  if (woken_by == WokenBy::drain) over_ = Outcome::closed;
  if (woken_by == WokenBy::time) over_ = Outcome::timed_out;
}

}  // namespace hallway::detail
