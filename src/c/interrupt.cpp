// SPDX-License-Identifier: Apache-2.0
#include "c/interrupt.hpp"

#include <functional>
#include <memory>

#include <hallway.h>

#include "c/handle.hpp"

using namespace hallway;     // NOLINT(google-build-using-namespace): functions of C are global
using namespace hallway::c;  // NOLINT(google-build-using-namespace)

hallway_outcome hallway_interrupt_new(hallway_signal_callback on_signal, void* user,
                                      hallway_interrupt** interrupt, hallway_error** error) {
  assert(interrupt != nullptr);
  return guarded(error, [&] {
    std::function<bool()> ask;
    if (on_signal != nullptr) ask = [on_signal, user] { return on_signal(user) != 0; };
    auto made = std::make_unique<hallway_interrupt>(std::move(ask));
    if (!made->interrupt) return fail(error, made->interrupt.error());
    *interrupt = made.release();
    return ok;
  });
}

void hallway_interrupt_free(hallway_interrupt* interrupt) {
  assert((interrupt == nullptr || alive(interrupt)) && "the interrupt was freed before");
  delete interrupt;
}

// In a signal handler nothing may be locked, so it is not checked that the handle is alive.
void hallway_interrupt_trigger(hallway_interrupt* interrupt) {
  assert(interrupt != nullptr);
  interrupt->interrupt->trigger();
}
void hallway_interrupt_clear(hallway_interrupt* interrupt) {
  assert(alive(interrupt));
  interrupt->interrupt->clear();
}
int hallway_interrupt_triggered(const hallway_interrupt* interrupt) {
  assert(alive(interrupt));
  return interrupt->interrupt->triggered() ? 1 : 0;
}
