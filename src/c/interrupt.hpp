// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <utility>

#include <hallway.h>
#include <hallway/error.hpp>
#include <hallway/interrupt.hpp>

#include "c/handle.hpp"

struct hallway_interrupt : hallway::c::Handle {
  explicit hallway_interrupt(std::function<bool()> on_signal)
      : interrupt(hallway::Interrupt::create(std::move(on_signal))) {}

  hallway::Result<hallway::Interrupt> interrupt;
};

namespace hallway::c {

/// What a client takes: null for null.
inline Interrupt* interrupt_of(hallway_interrupt* handle) noexcept {
  assert(handle == nullptr || alive(handle));
  return handle == nullptr ? nullptr : &*handle->interrupt;
}

}  // namespace hallway::c
