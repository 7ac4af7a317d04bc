// SPDX-License-Identifier: Apache-2.0
//
// Signals, brought to an eventfd. A handler and not signalfd(2): blocking a signal for one
// thread does not keep the kernel from delivering it to another one with its default action.
#pragma once

#include <memory>

#include "sys/expected.hpp"

namespace hallway::sys {

/// Owns the disposition of one signal; the old one is restored when it ends. One per signal and
/// process. A signal that the calling thread had blocked, as a parent may have left it over
/// exec(2), would never arrive: it is unblocked there, and blocked again at the end if the same
/// thread ends it.
class SignalHandler {
 public:
  /// From now on `signal` marks itself caught and raises `eventfd`, which is borrowed.
  /// @errors EBUSY: somebody else catches it here; EINVAL: it cannot be caught
  static Expected<SignalHandler> install(int signal, int eventfd);

  SignalHandler(SignalHandler&& other) noexcept;
  SignalHandler& operator=(SignalHandler&&) = delete;
  ~SignalHandler();

  [[nodiscard]] int signal() const noexcept { return signal_; }

  /// Whether it arrived since the last call.
  [[nodiscard]] bool take() const noexcept;

 private:
  struct Previous;
  SignalHandler(int signal, std::unique_ptr<Previous> previous) noexcept;

  int signal_;
  std::unique_ptr<Previous> previous_;
};

/// While it lives, one signal is not delivered to the calling thread. If what the thread does
/// meanwhile raises it, it is dropped at the end; one that was pending before stays pending.
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
