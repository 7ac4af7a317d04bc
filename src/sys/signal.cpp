// SPDX-License-Identifier: Apache-2.0
#include "sys/signal.hpp"

#include <array>
#include <atomic>
#include <csignal>

#include "sys/event.hpp"

namespace hallway::sys {

namespace {

// A signal handler can reach nothing but globals: per signal, whom to wake, and whether it came.
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

}  // namespace

struct SignalCatch::Previous {
  struct sigaction action;
};

Expected<SignalCatch> SignalCatch::install(int signal, int eventfd) {
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
      succeeded(Call::sigaction, [&] { return ::sigaction(signal, &action, &previous->action); });
  if (!installed) {
    slot.eventfd.store(-1);
    return std::unexpected(installed.error());
  }
  return SignalCatch(signal, std::move(previous));
}

SignalCatch::SignalCatch(int signal, std::unique_ptr<Previous> previous) noexcept
    : signal_(signal), previous_(std::move(previous)) {}

SignalCatch::SignalCatch(SignalCatch&& other) noexcept = default;

SignalCatch::~SignalCatch() {
  if (!previous_) return;
  ::sigaction(signal_, &previous_->action, nullptr);
  slots[static_cast<std::size_t>(signal_)].eventfd.store(-1);
}

bool SignalCatch::take() const noexcept {
  return slots[static_cast<std::size_t>(signal_)].caught.exchange(false);
}

}  // namespace hallway::sys
