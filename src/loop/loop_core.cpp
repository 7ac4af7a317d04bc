// SPDX-License-Identifier: Apache-2.0
//
// One turn, in this order:
//
//   1. wait for events, at most until the next timer; not at all while anything can run
//   2. tell every watch what happened; they read and schedule the tasks that waited for it
//   3. run what post() and signals brought, and the timers that are due
//   4. resume the scheduled tasks, once each: one that schedules itself again waits a turn, so
//      that nobody can keep the others from being heard
//   5. write every connection that was sent to: one system call each, whatever was sent
//
// A watch may be stopped, and any object destroyed, from within any of these steps: events that
// were fetched but not told yet are forgotten with their watch.
#include "loop/loop_core.hpp"

#include <algorithm>
#include <cassert>

namespace hallway::detail {

// Watch ----------------------------------------------------------------------------------------

Watch::~Watch() { stop_watching(); }

Result<void> Watch::watch(LoopCore& core, int descriptor, std::uint32_t events) {
  assert(core_ == nullptr);
  core.check_thread();
  if (core.error_) return std::unexpected(*core.error_);
  if (const auto added = sys::epoll_add(core.epoll_.get(), descriptor, events, this); !added) {
    return sys::failure(added.error(), "watch", "descriptor " + std::to_string(descriptor));
  }
  core_ = &core;
  descriptor_ = descriptor;
  events_ = events;
  return {};
}

void Watch::set_events(std::uint32_t events) {
  if (core_ == nullptr || events == events_) return;
  // Hang-up and error are reported whether asked for or not, every time epoll is asked. Who is
  // deaf hears of them once, as a change. Taking the descriptor out of the set instead would mean
  // putting it in again, which can fail.
  sys::epoll_change(core_->epoll_.get(), descriptor_, events == 0 ? sys::event_edge_only : events,
                    this);
  events_ = events;
}

void Watch::stop_watching() noexcept {
  if (core_ == nullptr) return;
  sys::epoll_remove(core_->epoll_.get(), descriptor_);
  core_->forget_events_of(*this);
  core_ = nullptr;
  descriptor_ = -1;
  events_ = 0;
}

// Timer ----------------------------------------------------------------------------------------

void Timer::start(LoopCore& core, Loop::Clock::time_point when) {
  stop();
  core.check_thread();
  position_ = core.timers_.emplace(when, this);
  core_ = &core;
  core.note_work();
}

void Timer::stop() noexcept {
  if (core_ == nullptr) return;
  core_->timers_.erase(position_);
  core_ = nullptr;
}

class LoopCore::DrainDeadline : public Timer {
 public:
  explicit DrainDeadline(LoopCore& core) : core_(core) {}

 private:
  void fire() override { core_.stop(1); }

  LoopCore& core_;
};

// LoopCore -------------------------------------------------------------------------------------

LoopCore::LoopCore() : now_(Loop::Clock::now()) {
  auto epoll = sys::make_epoll();
  auto wake =
      epoll ? sys::make_eventfd() : sys::Expected<Descriptor>(std::unexpected(epoll.error()));
  if (wake) {
    const auto added = sys::epoll_add(epoll->get(), wake->get(), sys::event_readable, nullptr);
    if (!added) wake = std::unexpected(added.error());
  }
  if (!wake) {
    error_ = sys::failure(wake.error(), "open", "loop").error();
    return;
  }
  epoll_ = std::move(*epoll);
  wake_ = std::move(*wake);
}

LoopCore::~LoopCore() = default;

void LoopCore::check_thread() noexcept {
#ifndef NDEBUG
  if (thread_ == std::thread::id()) thread_ = std::this_thread::get_id();
  assert(thread_ == std::this_thread::get_id() && "a loop belongs to one thread; use post()");
#endif
}

void LoopCore::mark(Flushable& flushable) {
  if (flushable.marked_) return;
  marked_.push_back(&flushable);
  flushable.marked_ = true;
  note_work();
}

void LoopCore::unmark(Flushable& flushable) noexcept {
  if (!flushable.marked_) return;
  std::ranges::replace(marked_, &flushable, static_cast<Flushable*>(nullptr));
  flushable.marked_ = false;
}

void LoopCore::adopt(std::unique_ptr<Lingering> lingering) {
  lingering_.push_back(std::move(lingering));
}

void LoopCore::dismiss(Lingering& lingering) noexcept {
  const auto found =
      std::ranges::find_if(lingering_, [&](const auto& held) { return held.get() == &lingering; });
  assert(found != lingering_.end());
  dismissed_.push_back(std::move(*found));
  *found = std::move(lingering_.back());
  lingering_.pop_back();
}

int LoopCore::run() {
  if (error_) return 1;
  while (!stopped_ && has_work()) turn(forever);
  stopped_ = false;
  drain_deadline_.reset();
  return std::exchange(status_, 0);
}

bool LoopCore::has_work() {
  if (tasks_.size() > 0 || holds_ > 0) return true;
  if (std::ranges::any_of(lingering_, [](const auto& one) { return one->keeps_loop_running(); })) {
    return true;
  }
  const std::lock_guard lock(posted_mutex_);
  return !posted_.empty();
}

void LoopCore::stop(int status) noexcept {
  status_ = status;
  stopped_ = true;
}

bool LoopCore::turn(Duration longest) {
  check_thread();
  {
    struct Turning {
      bool& flag;
      ~Turning() { flag = false; }
    } const turning{turning_ = true};
    dispatch_events(until_next_event(longest));
    fire_timers();
    resume_runnable();
    flush_marked();
    dismissed_.clear();
  }
  if (alarm_.holds_one()) prepare_foreign_loop();
  tasks_.rethrow_failure();
  return has_work();
}

Duration LoopCore::until_next_event(Duration longest) {
  if (stopped_ || !runnable_.empty() || !marked_.empty()) return Duration::zero();
  if (timers_.empty()) return longest;
  // The clock is read again because the last turn may have taken its time.
  return std::min(longest, std::max(timers_.begin()->first - Loop::Clock::now(), Duration::zero()));
}

void LoopCore::dispatch_events(Duration longest) {
  const auto count = sys::epoll_wait(epoll_.get(), events_, longest);
  now_ = Loop::Clock::now();
  if (!count) {
    // Nothing that a later turn could find better: an old kernel, or a sandbox that forbids it.
    error_ = sys::failure(count.error(), "wait for", "events").error();
    stop(1);
  }
  event_count_ = count.value_or(0);
  for (next_event_ = 0; next_event_ < event_count_;) {
    const sys::Event event = events_[next_event_++];
    if (event.data == &alarm_) continue;
    if (event.data == nullptr) {
      answer_wake_up();
    } else if (event.events != 0) {
      auto* watch = static_cast<Watch*>(event.data);
      if (std::exchange(last_heard_, watch) != watch) company_at_ = now_;
      watch->ready(event.events);
    }
  }
  event_count_ = next_event_ = 0;
}

void LoopCore::forget_events_of(const Watch& watch) noexcept {
  for (std::size_t i = next_event_; i < event_count_; ++i) {
    if (events_[i].data == &watch) events_[i].data = &alarm_;
  }
}

void LoopCore::answer_wake_up() {
  sys::clear_eventfd(wake_.get());
  std::vector<std::move_only_function<void()>> actions;
  {
    const std::lock_guard lock(posted_mutex_);
    actions.swap(posted_);
  }
  for (auto& action : actions) action();
  // By index: an action may claim another signal. Moved out while it runs: it may be replaced.
  for (std::size_t i = 0; i < signals_.size(); ++i) {
    if (!signals_[i].caught.take()) continue;
    auto action = std::exchange(signals_[i].action, nullptr);
    action();
    if (!signals_[i].action) signals_[i].action = std::move(action);
  }
}

void LoopCore::fire_timers() {
  while (!timers_.empty() && timers_.begin()->first <= now_) {
    Timer* due = timers_.begin()->second;
    due->stop();
    due->fire();
  }
}

void LoopCore::resume_runnable() {
  WaiterList due;
  runnable_.move_to(due);
  while (Waiter* waiter = due.pop_front()) waiter->coroutine.resume();
}

void LoopCore::flush_marked() {
  // Only those marked by now: whoever is marked by what happens here has its turn next. By index,
  // because the list may grow meanwhile.
  const std::size_t due = marked_.size();
  for (std::size_t i = 0; i < due; ++i) {
    Flushable* flushable = marked_[i];
    if (flushable == nullptr) continue;
    flushable->marked_ = false;
    marked_[i] = nullptr;
    flushable->flush_turn();
  }
  marked_.erase(marked_.begin(), marked_.begin() + static_cast<std::ptrdiff_t>(due));
}

int LoopCore::descriptor() {
  if (!alarm_.holds_one() && !error_) {
    if (auto alarm = sys::make_timerfd()) {
      alarm_ = std::move(*alarm);
      const auto added = sys::epoll_add(epoll_.get(), alarm_.get(), sys::event_readable, &alarm_);
      if (!added) error_ = sys::failure(added.error(), "watch", "the loop's timers").error();
    }
  }
  note_work();
  return epoll_.get();
}

// A foreign loop sees only our descriptor: what our own wait would take from the timers and the
// run queue has to make that readable.
void LoopCore::prepare_foreign_loop() {
  const Duration wait = until_next_event(forever);
  if (wait == forever) {
    sys::stop_timerfd(alarm_.get());
  } else {
    sys::set_timerfd(alarm_.get(), Loop::Clock::now() + wait);
  }
}

void LoopCore::drain(Duration within) {
  if (draining_) return;
  draining_ = true;
  drain_deadline_ = std::make_unique<DrainDeadline>(*this);
  if (within != forever) drain_deadline_->start(*this, now_ + within);
  // One by one: an action may make others be forgotten.
  while (!drain_actions_.empty()) {
    auto action = std::move(drain_actions_.front().action);
    drain_actions_.erase(drain_actions_.begin());
    action();
  }
}

void LoopCore::on_drain(const void* owner, std::move_only_function<void()> action) {
  if (draining_) {
    action();
    return;
  }
  drain_actions_.push_back({owner, std::move(action)});
}

void LoopCore::forget(const void* owner) noexcept {
  std::erase_if(drain_actions_, [owner](const DrainAction& entry) { return entry.owner == owner; });
}

Result<void> LoopCore::on_signal(int signal, std::move_only_function<void()> action) {
  if (error_) return std::unexpected(*error_);
  for (SignalAction& entry : signals_) {
    if (entry.caught.signal() != signal) continue;
    entry.action = std::move(action);
    return {};
  }
  auto caught = sys::SignalCatch::install(signal, wake_.get());
  if (!caught) {
    return sys::failure(caught.error(), "catch", "signal " + std::to_string(signal),
                        caught.error() == EBUSY ? "another loop of this process catches it" : "");
  }
  signals_.push_back({std::move(*caught), std::move(action)});
  return {};
}

void LoopCore::post(std::move_only_function<void()> action) {
  {
    const std::lock_guard lock(posted_mutex_);
    posted_.push_back(std::move(action));
  }
  sys::raise_eventfd(wake_.get());
}

}  // namespace hallway::detail
