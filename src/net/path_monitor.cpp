// SPDX-License-Identifier: Apache-2.0
#include "net/path_monitor.hpp"

#include <utility>

#include "sys/file.hpp"
#include "sys/path_watch.hpp"

namespace hallway::net {

void PathMonitor::start() {
  stop();
  if (auto from = sys::open_directory(".")) origin_ = std::move(*from);
  running_ = true;
  place();
  // The file may have been replaced before the watch existed.
  Timer::start(core_, core_.now());
}

void PathMonitor::check_soon() {
  if (!running_) return;
  place_again_ = true;
  Timer::start(core_, core_.now());
}

/// Watches what leads to the path now. That may have changed without the path being lost.
void PathMonitor::place() {
  stop_watching();
  changes_.close();
  if (auto changes = sys::watch_path(origin_.get(), path_)) {
    changes_ = std::move(*changes);
    if (!watch(core_, changes_.get(), sys::event_readable)) changes_.close();
  }
  all_watched_ = changes_.holds_one() && mounts_.start(core_);
}

bool PathMonitor::Mounts::start(detail::LoopCore& core) {
  if (table_.holds_one()) return true;
  auto table = sys::watch_mounts();
  if (!table || !watch(core, table->get(), sys::event_priority)) return false;
  table_ = std::move(*table);
  return true;
}

void PathMonitor::Mounts::stop() noexcept {
  stop_watching();
  table_.close();
}

// Also used when the kernel has no watch left for us, or a directory is not readable for us.
void PathMonitor::check_later() { start_after(core_, bounds::path_look); }

void PathMonitor::fire() {
  if (std::exchange(place_again_, false)) place();
  check();
}

void PathMonitor::check_again() {
  place();
  check();
}

void PathMonitor::check() {
  const auto why = owner_.lost();
  if (!why) {
    if (lost_) return found();
    if (!all_watched_) check_later();
    return;
  }
  if (!std::exchange(lost_, true)) owner_.on_lost(*why);
  if (!running_) return;
  if (owner_.rebind && owner_.rebind()) return found();
  // A missing file cannot be watched, so poll: a directory may come back, another server may end.
  check_later();
}

/// The path leads to our socket again, perhaps through other directories or links than before.
void PathMonitor::found() {
  lost_ = false;
  check_soon();
  owner_.on_regained();
}

void PathMonitor::stop() noexcept {
  running_ = false;
  stop_watching();
  changes_.close();
  mounts_.stop();
  Timer::stop();
}

}  // namespace hallway::net
