// SPDX-License-Identifier: Apache-2.0
//
// Signals, brought to an eventfd. A handler and not signalfd(2): blocking a signal for one
// thread does not keep the kernel from delivering it to another one with its default action.
#pragma once

#include <memory>

#include "sys/expected.hpp"

namespace hallway::sys {

/// Owns the disposition of one signal; the old one is restored when it ends. One per signal and
/// process.
class SignalCatch {
 public:
  /// From now on `signal` marks itself caught and raises `eventfd`, which is borrowed.
  /// @errors EBUSY: somebody else catches it here; EINVAL: it cannot be caught
  static Expected<SignalCatch> install(int signal, int eventfd);

  SignalCatch(SignalCatch&& other) noexcept;
  SignalCatch& operator=(SignalCatch&&) = delete;
  ~SignalCatch();

  [[nodiscard]] int signal() const noexcept { return signal_; }

  /// Whether it arrived since the last call.
  [[nodiscard]] bool take() const noexcept;

 private:
  struct Previous;
  SignalCatch(int signal, std::unique_ptr<Previous> previous) noexcept;

  int signal_;
  std::unique_ptr<Previous> previous_;
};

}  // namespace hallway::sys
