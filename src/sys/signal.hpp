// SPDX-License-Identifier: Apache-2.0
//
// Signals, reported through an eventfd. A handler is used, not signalfd(2): blocking a signal in
// one thread does not keep the kernel from delivering it to another one with its default action.
#pragma once

#include <csignal>
#include <memory>

#include "sys/expected.hpp"

namespace hallway::sys {

/// Owns the disposition of one signal, and restores the old one on destruction. There is at most
/// one per signal and process. A signal that the calling thread has blocked, as a parent may have
/// left it across exec(2), would never arrive. It is therefore unblocked in that thread, and
/// blocked again on destruction if that happens on the same thread.
class SignalHandler {
 public:
  /// From now on, `signal` is marked as caught and raises `eventfd`, which is borrowed.
  /// @errors EBUSY: this process has another SignalHandler for it; EINVAL: it cannot be caught
  static Expected<SignalHandler> install(int signal, int eventfd);

  SignalHandler(SignalHandler&& other) noexcept;
  SignalHandler& operator=(SignalHandler&&) = delete;
  ~SignalHandler();

  [[nodiscard]] int signal() const noexcept { return signal_; }

  /// Whether the signal arrived since the last call.
  [[nodiscard]] bool take() const noexcept;

 private:
  struct Previous;
  SignalHandler(int signal, std::unique_ptr<Previous> previous) noexcept;

  int signal_;
  std::unique_ptr<Previous> previous_;
};

/// While it lives, no signal is delivered to the calling thread, except those that report a fault
/// of the thread itself (SIGSEGV and the like), which cannot wait. A call that unblocks signals
/// only while it sleeps, with before(), misses none that arrived since.
class SignalsHeld {
 public:
  SignalsHeld() noexcept;
  SignalsHeld(const SignalsHeld&) = delete;
  SignalsHeld& operator=(const SignalsHeld&) = delete;
  ~SignalsHeld();

  /// The signals that the thread had blocked before.
  [[nodiscard]] const sigset_t& before() const noexcept { return before_; }

 private:
  sigset_t before_{};
};

/// While it lives, one signal is not delivered to the calling thread. If that signal is raised
/// meanwhile, it is dropped at the end; one that was pending before stays pending.
class SignalHeld {
 public:
  explicit SignalHeld(int signal) noexcept;
  SignalHeld(const SignalHeld&) = delete;
  SignalHeld& operator=(const SignalHeld&) = delete;
  ~SignalHeld();

 private:
  int signal_;
  bool blocked_before_;
  bool pending_before_;
};

}  // namespace hallway::sys
