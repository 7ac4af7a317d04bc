// SPDX-License-Identifier: Apache-2.0
//
// How the calls of clients without a loop wait: as sys::poll_one() and sys::pause_for() do, but
// also until the Interrupt that the program may have given the client ends the wait.
#pragma once

#include <cstdint>

#include <hallway/interrupt.hpp>
#include <hallway/limits.hpp>

#include "sys/event.hpp"

namespace hallway::detail {

/// The reason that the errors of interrupted calls give.
inline constexpr const char* interrupted_words = "interrupted by this program";

class InterruptibleWait {
 public:
  /// Borrows the interrupt. Null: nothing interrupts, and the functions below only forward.
  explicit InterruptibleWait(Interrupt* interrupt) noexcept : interrupt_(interrupt) {}

  [[nodiscard]] bool can_end_early() const noexcept { return interrupt_ != nullptr; }

  /// Waits for one descriptor. An interruption comes first if the descriptor is also ready, because
  /// a busy peer could otherwise put it off.
  /// @return false if time is up
  /// @errors EINTR: interrupted; those of ppoll(2)
  [[nodiscard]] sys::Expected<bool> poll_one(int descriptor, std::uint32_t events,
                                             Duration longest) const;

  /// Sleeps.
  /// @return false if it was interrupted
  [[nodiscard]] bool pause_for(Duration duration) const;

 private:
  [[nodiscard]] sys::Expected<sys::PollEnd> sleep(int descriptor, std::uint32_t events,
                                                  Duration longest) const;

  Interrupt* interrupt_;
};

}  // namespace hallway::detail
