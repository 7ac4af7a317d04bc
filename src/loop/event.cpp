// SPDX-License-Identifier: Apache-2.0
#include <hallway/event.hpp>

#include <cstdint>

#include <hallway/deadline.hpp>
#include "loop/loop_core.hpp"
#include "loop/timed_wait.hpp"

namespace hallway {

using detail::WokenBy;

/// The tasks that wait share it, because the event may be gone before they continue.
struct Event::State {
  detail::LoopCore& core;
  detail::WaiterList waiting = {};
  std::uint64_t sets = 0;  // calls of set()
  bool set = false;
  bool closed = false;
};

Event::Event(Loop& loop) : state_(std::make_shared<State>(loop.core())) {}
Event::Event(Event&&) noexcept = default;
Event& Event::operator=(Event&& other) noexcept {
  if (this != &other) close();
  state_ = std::move(other.state_);
  return *this;
}
Event::~Event() { close(); }

void Event::close() noexcept {
  if (!state_) return;
  state_->closed = true;
  detail::wake_all(state_->core, state_->waiting);
}

void Event::set() {
  state_->set = true;
  ++state_->sets;
  detail::wake_all(state_->core, state_->waiting);
}

void Event::reset() noexcept { state_->set = false; }
bool Event::is_set() const noexcept { return state_->set; }

Task<Outcome> Event::wait(Duration within) {
  const auto state = state_;
  const Deadline deadline(within);
  const std::uint64_t sets_before = state->sets;
  auto woken_by = WokenBy::owner;
  while (!state->set && state->sets == sets_before) {
    if (state->closed || woken_by == WokenBy::drain) co_return Outcome::closed;
    if (woken_by == WokenBy::time) co_return Outcome::timed_out;
    woken_by = co_await detail::WaitOrDrain(state->core, state->waiting, deadline.left());
  }
  co_return Outcome::ok;
}

}  // namespace hallway
