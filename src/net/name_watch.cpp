// SPDX-License-Identifier: Apache-2.0
#include "net/name_watch.hpp"

#include "sys/file.hpp"
#include "sys/path_watch.hpp"

namespace hallway::net {

void NameWatch::start() {
  stop();
  if (auto from = sys::open_directory(".")) origin_ = std::move(*from);
  place();
  // It may have been replaced before the watch was there.
  Timer::start(core_, core_.now());
}

/// On what leads to the path now: that may have changed, and the path not be lost.
void NameWatch::place() {
  stop_watching();
  changes_.close();
  if (auto changes = sys::watch_path(origin_.get(), path_)) {
    changes_ = std::move(*changes);
    if (!watch(core_, changes_.get(), sys::event_readable)) changes_.close();
  }
  all_watched_ = changes_.holds_one() && mounts_.start(core_);
}

bool NameWatch::Mounts::start(detail::LoopCore& core) {
  if (table_.holds_one()) return true;
  auto table = sys::watch_mounts();
  if (!table || !watch(core, table->get(), sys::event_priority)) return false;
  table_ = std::move(*table);
  return true;
}

void NameWatch::Mounts::stop() noexcept {
  stop_watching();
  table_.close();
}

// Also what happens where the kernel has no watch left for us, or a directory is not ours to read.
void NameWatch::look_later() { Timer::start(core_, Loop::Clock::now() + bounds::path_look); }

void NameWatch::ready(std::uint32_t /*events*/) { look_again(); }

void NameWatch::look_again() {
  place();
  look();
}

void NameWatch::look() {
  const auto why = lost_();
  if (!why) {
    if (!all_watched_) look_later();
    return;
  }
  stop();
  on_lost_(*why);
}

void NameWatch::stop() noexcept {
  stop_watching();
  changes_.close();
  mounts_.stop();
  Timer::stop();
}

}  // namespace hallway::net
