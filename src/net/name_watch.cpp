// SPDX-License-Identifier: Apache-2.0
#include "net/name_watch.hpp"

#include "sys/file.hpp"

namespace hallway::net {

void NameWatch::start() {
  stop();
  if (auto changes = sys::watch_file(path_)) {
    changes_ = std::move(*changes);
    if (!watch(core_, changes_.get(), sys::event_readable)) changes_.close();
  }
  // It may have been replaced before the watch was there.
  Timer::start(core_, core_.now());
}

// Also what happens where the kernel has no watch left for us, or the file is not ours to read.
void NameWatch::look_later() { Timer::start(core_, Loop::Clock::now() + bounds::path_look); }

void NameWatch::ready(std::uint32_t /*events*/) {
  sys::forget_changes(changes_.get());
  look();
}

void NameWatch::look() {
  const auto why = lost_();
  if (!why) {
    if (!changes_.holds_one()) look_later();
    return;
  }
  stop();
  on_lost_(*why);
}

void NameWatch::stop() noexcept {
  stop_watching();
  changes_.close();
  Timer::stop();
}

}  // namespace hallway::net
