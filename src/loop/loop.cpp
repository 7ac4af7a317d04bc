// SPDX-License-Identifier: Apache-2.0
#include <hallway/loop.hpp>

#include <cassert>

#include "loop/loop_core.hpp"

namespace hallway {

namespace detail {

class SleepTimer : public Timer {
 public:
  SleepTimer(LoopCore& core, Waiter& sleeper) : core_(core), sleeper_(sleeper) {}

 private:
  void fire() override { core_.schedule(sleeper_); }

  LoopCore& core_;
  Waiter& sleeper_;
};

class OneShotWatch : public Watch, private Timer {
 public:
  OneShotWatch(LoopCore& core, Waiter& waiter) : core_(core), waiter_(waiter) {}

  /// If the kernel has no room for a watch, the wait ends after `look_again` instead, so that the
  /// caller tries again, but not all the time.
  /// @return false if the descriptor counts as ready now. One that cannot be watched does: the read
  ///         or write that follows reports the error or, on a regular file (EPERM), never blocks
  ///         for long.
  bool wait(int descriptor, std::uint32_t events) {
    constexpr Duration look_again = std::chrono::milliseconds(10);
    const auto watched = watch(core_, descriptor, events);
    if (watched) return true;
    const std::error_code code = watched.error().code;
    const bool no_room =
        code == std::errc::not_enough_memory || code == std::errc::no_space_on_device;
    if (no_room) start(core_, Loop::Clock::now() + look_again);
    return no_room;
  }

 private:
  void fire() override { core_.schedule(waiter_); }
  void ready(std::uint32_t /*events*/) override {
    stop_watching();
    core_.schedule(waiter_);
  }

  LoopCore& core_;
  Waiter& waiter_;
};

}  // namespace detail

Loop::Loop(LoopOptions options) : core_(std::make_unique<detail::LoopCore>(options)) {}
Loop::~Loop() = default;

const std::optional<Error>& Loop::error() const noexcept { return core_->error(); }
int Loop::run() { return core_->run(); }
bool Loop::turn(Duration longest) { return core_->turn(longest); }
int Loop::descriptor() { return core_->descriptor(); }
void Loop::stop(int status) { core_->stop(status); }
void Loop::drain(Duration within) { core_->drain(within); }
bool Loop::draining() const noexcept { return core_->draining(); }
Loop::Clock::time_point Loop::now() const noexcept { return core_->now(); }
void Loop::spawn(Task<> task) { core_->tasks().spawn(std::move(task)); }
void Loop::post(std::move_only_function<void()> action) { core_->post(std::move(action)); }
void Loop::forget(const void* owner) noexcept { core_->forget(owner); }

void Loop::on_drain(const void* owner, std::move_only_function<void()> action) {
  core_->on_drain(owner, std::move(action));
}

Result<void> Loop::on_signal(int signal, std::move_only_function<void()> action) {
  return core_->on_signal(signal, std::move(action));
}

Result<void> Loop::drain_on(std::initializer_list<int> signals) {
  for (const int signal : signals) {
    auto claimed = on_signal(signal, [this, signal] {
      if (draining()) {
        stop(128 + signal);  // the shell's status for "ended by signal N"
      } else {
        drain();
      }
    });
    if (!claimed) return claimed;
  }
  return {};
}

Loop::Sleep Loop::sleep(Duration duration) { return {*core_, duration}; }

Loop::Sleep::Sleep(detail::LoopCore& core, Duration duration) noexcept
    : core_(&core), duration_(duration) {}
Loop::Sleep::~Sleep() = default;

void Loop::Sleep::await_suspend(std::coroutine_handle<> awaiting) {
  waiter_.coroutine = awaiting;
  if (duration_ == forever) return;
  timer_ = std::make_unique<detail::SleepTimer>(*core_, waiter_);
  // The clock is read again: the turn's time may be long ago in a task that has computed meanwhile.
  timer_->start(*core_, Clock::now() + duration_);
}

Loop::Ready Loop::readable(int descriptor) { return {*core_, descriptor, sys::event_readable}; }
Loop::Ready Loop::writable(int descriptor) { return {*core_, descriptor, sys::event_writable}; }

Loop::Ready::Ready(detail::LoopCore& core, int descriptor, unsigned events) noexcept
    : core_(&core), descriptor_(descriptor), events_(events) {}
Loop::Ready::~Ready() = default;

bool Loop::Ready::await_suspend(std::coroutine_handle<> awaiting) {
  waiter_.coroutine = awaiting;
  watch_ = std::make_unique<detail::OneShotWatch>(*core_, waiter_);
  return watch_->wait(descriptor_, events_);
}

}  // namespace hallway
