// SPDX-License-Identifier: Apache-2.0
#include <hallway/detail/race.hpp>

#include "loop/loop_core.hpp"
#include "loop/misuse.hpp"
#include "sys/expected.hpp"

namespace hallway::detail {

Pause::Pause(Duration time) noexcept : time_(time) {}
Pause::~Pause() = default;

void Pause::begin() {
  LoopCore* core = LoopCore::current();
  if (core == nullptr) end_for_misuse({}, "with_timeout() was awaited outside of a loop");
  timer_ = make_timer([this, core] { core->schedule(waiter_); });
  timer_->start_after(*core, time_);
}

Error timed_out_error() { return sys::failure(ETIMEDOUT, "wait", "").error(); }

}  // namespace hallway::detail
