// SPDX-License-Identifier: Apache-2.0
#include "sys/signal.hpp"

#include <pthread.h>

#include <array>
#include <atomic>
#include <csignal>
#include <ctime>

#include "sys/event.hpp"

namespace hallway::sys {

namespace {

// A signal handler can access only globals. Per signal: the eventfd to raise, and whether the
// signal was caught.
struct Slot {
  std::atomic<int> eventfd = -1;
  std::atomic<bool> caught = false;
};
std::array<Slot, NSIG> slots;  // NOLINT(cppcoreguidelines-avoid-non-const-global-variables)

static_assert(std::atomic<int>::is_always_lock_free && std::atomic<bool>::is_always_lock_free);

void catch_signal(int signal) {
  Slot& slot = slots[static_cast<std::size_t>(signal)];
  slot.caught.store(true);
  raise_eventfd(slot.eventfd.load());
}

/// @param how  SIG_BLOCK or SIG_UNBLOCK
/// @return whether it was blocked before
bool change_mask(int how, int signal) noexcept {
  sigset_t changed;
  sigset_t before;
  ::sigemptyset(&changed);
  ::sigaddset(&changed, signal);
  ::pthread_sigmask(how, &changed, &before);
  return ::sigismember(&before, signal) == 1;
}

bool is_pending(int signal) noexcept {
  sigset_t pending;
  ::sigemptyset(&pending);
  ::sigpending(&pending);
  return ::sigismember(&pending, signal) == 1;
}

}  // namespace

struct SignalHandler::Previous {
  struct sigaction action;
  bool blocked = false;
  pthread_t thread{};
};

Expected<SignalHandler> SignalHandler::install(int signal, int eventfd) {
  if (signal <= 0 || signal >= NSIG) return std::unexpected(EINVAL);
  auto previous = std::make_unique<Previous>();
  Slot& slot = slots[static_cast<std::size_t>(signal)];
  int nobody = -1;
  if (!slot.eventfd.compare_exchange_strong(nobody, eventfd)) return std::unexpected(EBUSY);
  slot.caught.store(false);

  struct sigaction action{};
  action.sa_handler = catch_signal;
  action.sa_flags = SA_RESTART;
  const auto installed =
      check(Call::sigaction, [&] { return ::sigaction(signal, &action, &previous->action); });
  if (!installed) {
    slot.eventfd.store(-1);
    return std::unexpected(installed.error());
  }
  // Unblocked last, because a pending signal arrives at once.
  previous->blocked = change_mask(SIG_UNBLOCK, signal);
  previous->thread = ::pthread_self();
  return SignalHandler(signal, std::move(previous));
}

SignalHandler::SignalHandler(int signal, std::unique_ptr<Previous> previous) noexcept
    : signal_(signal), previous_(std::move(previous)) {}

SignalHandler::SignalHandler(SignalHandler&& other) noexcept = default;

SignalHandler::~SignalHandler() {
  if (!previous_) return;
  const bool same_thread = ::pthread_equal(previous_->thread, ::pthread_self()) != 0;
  if (previous_->blocked && same_thread) change_mask(SIG_BLOCK, signal_);
  ::sigaction(signal_, &previous_->action, nullptr);
  slots[static_cast<std::size_t>(signal_)].eventfd.store(-1);
}

SignalsHeld::SignalsHeld() noexcept {
  sigset_t held;
  ::sigfillset(&held);
  for (const int fault : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGSYS, SIGABRT}) {
    ::sigdelset(&held, fault);
  }
  ::pthread_sigmask(SIG_BLOCK, &held, &before_);
}

SignalsHeld::~SignalsHeld() { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

SignalHeld::SignalHeld(int signal) noexcept
    : signal_(signal),
      blocked_before_(change_mask(SIG_BLOCK, signal)),
      pending_before_(is_pending(signal)) {}

SignalHeld::~SignalHeld() {
  if (!pending_before_ && is_pending(signal_)) {
    sigset_t raised;
    ::sigemptyset(&raised);
    ::sigaddset(&raised, signal_);
    constexpr timespec at_once{};
    ::sigtimedwait(&raised, nullptr, &at_once);
  }
  if (!blocked_before_) change_mask(SIG_UNBLOCK, signal_);
}

bool SignalHandler::take() const noexcept {
  return slots[static_cast<std::size_t>(signal_)].caught.exchange(false);
}

}  // namespace hallway::sys
