// SPDX-License-Identifier: Apache-2.0
#include <hallway/loop.hpp>

#include <cassert>

#include "loop/loop_core.hpp"

namespace hallway {

namespace detail {

/// Ends a sleep when its time is over or the loop begins to drain.
class SleepTimer final : public Timer, private EndsWithDrain {
 public:
  SleepTimer(LoopCore& core, Waiter& waiter) : core_(core), waiter_(waiter) {}

  WaitPoint::Kind begin(Duration duration) {
    start_after(core_, duration);
    drains_ = core_.draining();
    if (drains_) return WaitPoint::Kind::idle;
    core_.end_with_drain(*this);
    return WaitPoint::Kind::place;
  }
  [[nodiscard]] bool drains() const noexcept { return drains_; }

 private:
  void fire() override { core_.schedule(waiter_); }
  void drain_begins() override {
    stop();
    drains_ = true;
    core_.schedule(waiter_);
  }

  LoopCore& core_;
  Waiter& waiter_;
  bool drains_ = false;
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
    if (no_room) start_after(core_, look_again);
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

Result<Loop> Loop::create(LoopOptions options) {
  auto core = std::make_unique<detail::LoopCore>(std::move(options));
  if (core->error()) return std::unexpected(*core->error());
  return Result<Loop>(std::in_place, std::move(core));
}

Loop::Loop(LoopOptions options) : Loop(std::make_unique<detail::LoopCore>(std::move(options))) {}
Loop::Loop(std::unique_ptr<detail::LoopCore> core) noexcept : core_(std::move(core)) {}
Loop::~Loop() = default;

const std::optional<Error>& Loop::error() const noexcept { return core_->error(); }
int Loop::run() { return core_->run(); }
bool Loop::turn(Duration timeout) { return core_->turn(timeout); }
bool Loop::turn_if_soon() { return core_->turn_if_soon(); }
bool Loop::flush() { return core_->flush(); }
int Loop::descriptor() { return core_->descriptor(); }
void Loop::expect_turn() { core_->expect_turn(); }
void Loop::stop(int status) { core_->stop(status); }

void Loop::check_running() {
  if (error()) throw std::system_error(error()->code, error()->operation);
  if (core_->take_stop()) {
    throw std::system_error(std::make_error_code(std::errc::operation_canceled),
                            "the loop was stopped");
  }
}

void Loop::drain(Duration within) { core_->drain(within); }
bool Loop::draining() const noexcept { return core_->draining(); }
Loop::Clock::time_point Loop::now() const noexcept { return core_->now(); }
TaskHandle Loop::spawn(Task<> task, std::source_location where) {
  return core_->tasks().spawn(std::move(task), where);
}
void Loop::post(std::move_only_function<void()> action) { core_->post(std::move(action)); }

Loop::DrainCallback Loop::on_drain(std::move_only_function<void()> action) {
  return DrainCallback(core_->on_drain(std::move(action)));
}

Loop::DrainCallback::DrainCallback() noexcept = default;
Loop::DrainCallback::DrainCallback(std::unique_ptr<detail::DrainAction> action) noexcept
    : action_(std::move(action)) {}
Loop::DrainCallback::DrainCallback(DrainCallback&&) noexcept = default;
Loop::DrainCallback& Loop::DrainCallback::operator=(DrainCallback&&) noexcept = default;
Loop::DrainCallback::~DrainCallback() = default;

Result<Loop::SignalCallback> Loop::on_signal(int signal, std::move_only_function<void()> action) {
  auto registered = core_->on_signal(signal, std::move(action));
  if (!registered) return std::unexpected(std::move(registered.error()));
  return SignalCallback(std::move(*registered));
}

Result<void> Loop::drain_on(std::initializer_list<int> signals) {
  for (const int signal : signals) {
    auto claimed = core_->always_on_signal(signal, [this, signal] {
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

detail::WaitPoint::Kind Loop::Sleep::begin() {
  timer_ = std::make_unique<detail::SleepTimer>(*core_, waiter_);
  return timer_->begin(duration_);
}

Outcome Loop::Sleep::await_resume() const noexcept {
  return timer_->drains() ? Outcome::closed : Outcome::ok;
}

Loop::Ready Loop::readable(int descriptor) { return {*core_, descriptor, sys::event_readable}; }
Loop::Ready Loop::writable(int descriptor) { return {*core_, descriptor, sys::event_writable}; }

Loop::Ready::Ready(detail::LoopCore& core, int descriptor, unsigned events) noexcept
    : core_(&core), descriptor_(descriptor), events_(events) {}
Loop::Ready::~Ready() = default;

bool Loop::Ready::begin() {
  watch_ = std::make_unique<detail::OneShotWatch>(*core_, waiter_);
  return watch_->wait(descriptor_, events_);
}

}  // namespace hallway
