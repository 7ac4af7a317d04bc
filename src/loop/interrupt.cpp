// SPDX-License-Identifier: Apache-2.0
#include <hallway/interrupt.hpp>

#include <cerrno>
#include <utility>

#include <hallway/deadline.hpp>

#include "loop/interruptible_wait.hpp"
#include "sys/event.hpp"
#include "sys/signal.hpp"

namespace hallway {

static_assert(std::atomic<bool>::is_always_lock_free, "a signal handler writes it");

Result<Interrupt> Interrupt::create(std::function<bool()> on_signal) {
  auto eventfd = sys::make_eventfd();
  if (!eventfd) return sys::failure(eventfd.error(), "open", "an interrupt's descriptor");
  return Result<Interrupt>(std::in_place, std::move(*eventfd), std::move(on_signal));
}

Interrupt::Interrupt(Descriptor eventfd, std::function<bool()> on_signal) noexcept
    : eventfd_(std::move(eventfd)), on_signal_(std::move(on_signal)) {}

// trigger() and clear() may run at the same time. In either order of their steps, a later wait
// finds the flag or the descriptor set if the trigger came last (see InterruptibleWait::sleep).
void Interrupt::trigger() noexcept {
  triggered_.store(true);
  sys::raise_eventfd(eventfd_.get());
}

void Interrupt::clear() noexcept {
  triggered_.store(false);
  sys::clear_eventfd(eventfd_.get());
}

bool Interrupt::triggered() const noexcept { return triggered_.load(); }

namespace detail {

sys::Expected<bool> InterruptibleWait::poll_one(int descriptor, std::uint32_t events,
                                                Duration longest) const {
  if (interrupt_ == nullptr) return sys::poll_one(descriptor, events, longest);
  const Deadline deadline(longest);
  while (true) {
    const auto end = sleep(descriptor, events, deadline.left());
    if (!end) return std::unexpected(end.error());
    switch (*end) {
      case sys::PollEnd::ready: return true;
      case sys::PollEnd::time: return false;
      case sys::PollEnd::wakeup: return std::unexpected(EINTR);
      case sys::PollEnd::signal: break;
    }
  }
}

bool InterruptibleWait::pause_for(Duration duration) const {
  if (interrupt_ != nullptr) {
    const auto ended = poll_one(-1, 0, duration);
    if (ended) return true;
    if (ended.error() == EINTR) return false;
    // The kernel has no memory for a poll. A pause that ended at once would make its caller spin.
  }
  sys::pause_for(duration);
  return true;
}

/// Waits until something happens, a signal included.
sys::Expected<sys::PollEnd> InterruptibleWait::sleep(int descriptor, std::uint32_t events,
                                                     Duration longest) const {
  if (interrupt_->triggered()) return sys::PollEnd::wakeup;
  const int wakeup = interrupt_->eventfd_.get();
  const auto poll = [&](const sigset_t* mask) {
    const auto end = sys::poll_with_wakeup(descriptor, events, wakeup, longest, mask);
    // A clear() at the same time may have reset the flag only.
    if (end == sys::PollEnd::wakeup) interrupt_->triggered_.store(true);
    return end;
  };
  if (!interrupt_->on_signal_) return poll(nullptr);
  const sys::SignalsHeld held;
  if (!interrupt_->on_signal_()) return sys::PollEnd::wakeup;
  return poll(&held.before());
}

}  // namespace detail

}  // namespace hallway
