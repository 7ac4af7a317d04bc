// SPDX-License-Identifier: Apache-2.0
#include <hallway/semaphore.hpp>

#include "loop/wait_queue.hpp"

namespace hallway {

/// Permits share it, because they may outlive the semaphore.
struct detail::SemaphoreState {
  SemaphoreState(Loop& loop, std::size_t permits)
      : free(permits), waiting(loop.core(), WaitQueue::Drain::is_ignored) {}

  std::size_t free;
  WaitQueue waiting;
};

using detail::SemaphoreState;

Semaphore::Semaphore(Loop& loop, std::size_t permits)
    : state_(std::make_shared<SemaphoreState>(loop, permits)) {}
Semaphore::Semaphore(Semaphore&&) noexcept = default;
Semaphore& Semaphore::operator=(Semaphore&&) noexcept = default;
Semaphore::~Semaphore() = default;

std::size_t Semaphore::free() const noexcept { return state_->free; }

Task<Semaphore::Permit> Semaphore::acquire() {
  const auto state = state_;
  while (state->free <= state->waiting.woken()) {
    co_await detail::WaitQueue::Place(state->waiting);
  }
  --state->free;
  co_return Permit(state);
}

Semaphore::Permit::Permit(std::shared_ptr<SemaphoreState> state) noexcept
    : state_(std::move(state)) {}
Semaphore::Permit::Permit(Permit&&) noexcept = default;

Semaphore::Permit& Semaphore::Permit::operator=(Permit&& other) noexcept {
  Permit former(std::move(other));
  std::swap(state_, former.state_);
  return *this;
}

Semaphore::Permit::~Permit() {
  if (!state_) return;
  ++state_->free;
  state_->waiting.wake_one();
}

}  // namespace hallway
