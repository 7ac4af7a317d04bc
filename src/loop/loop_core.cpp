// SPDX-License-Identifier: Apache-2.0
//
// One turn, in this order:
//
//   1. wait for events, at most until the next timer; not at all while anything can run
//   2. notify every watch of its events; the watches read and schedule the tasks that waited
//   3. run what other threads and signals brought, and the timers that are due
//   4. resume the scheduled tasks, once each: one that schedules itself again waits a turn, so
//      that no task can starve the others
//   5. write every connection that was sent to: one system call each, whatever was sent
//
// A watch may be stopped, and any object destroyed, from within any of these steps: events that
// were fetched but not dispatched yet are discarded with their watch.
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
  // epoll reports hang-up and error in every wait, requested or not. A watch without events gets
  // them once, as a change. Taking the descriptor out of the set instead would mean putting it in
  // again, which can fail.
  sys::epoll_change(core_->epoll_.get(), descriptor_, events == 0 ? sys::event_edge_only : events,
                    this);
  events_ = events;
}

void Watch::stop_watching() noexcept {
  if (core_ == nullptr) return;
  sys::epoll_remove(core_->epoll_.get(), descriptor_);
  core_->forget_watch(*this);
  core_ = nullptr;
  descriptor_ = -1;
  events_ = 0;
}

// Timer ----------------------------------------------------------------------------------------

void Timer::start(LoopCore& core, Loop::Clock::time_point when) {
  stop();
  core.check_thread();
  if (node_) {
    node_.key() = when;
    position_ = core.timers_.insert(std::move(node_));
  } else {
    position_ = core.timers_.emplace(when, this);
  }
  core_ = &core;
  core.note_work();
}

void Timer::stop() noexcept {
  if (core_ == nullptr) return;
  node_ = core_->timers_.extract(position_);
  core_ = nullptr;
}

// AsyncWakeup ----------------------------------------------------------------------------------

AsyncWakeup::~AsyncWakeup() {
  const std::lock_guard lock(core_.posted_mutex_);
  unlink();
}

void AsyncWakeup::trigger() noexcept {
  {
    const std::lock_guard lock(core_.posted_mutex_);
    if (linked()) return;
    core_.wakeups_.push_back(*this);
  }
  sys::raise_eventfd(core_.wake_.get());
}

class LoopCore::DrainDeadline : public Timer {
 public:
  explicit DrainDeadline(LoopCore& core) : core_(core) {}

 private:
  void fire() override { core_.stop(1); }

  LoopCore& core_;
};

// LoopCore -------------------------------------------------------------------------------------

LoopCore::LoopCore(LoopOptions options)
    : options_(options), now_(Loop::Clock::now()), spin_(options.spin) {
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

void LoopCore::schedule_flush(Flushable& flushable) {
  if (flushable.linked()) return;
  to_flush_.push_back(flushable);
  note_work();
}

void LoopCore::schedule_flush_first(Flushable& flushable) {
  if (flushable.linked()) return;
  to_flush_first_.push_back(flushable);
  note_work();
}

void LoopCore::adopt(std::unique_ptr<Lingering> lingering) noexcept {
  lingering_.push_back(*lingering.release());
}

void LoopCore::destroy_later(Lingering& lingering) noexcept { to_destroy_.push_back(lingering); }

void LoopCore::migrate_to(Loop& target) noexcept {
  while (Lingering* lingering = lingering_.pop_front()) {
    std::unique_ptr<Lingering> owned(lingering);
    if (lingering->move_to(target)) target.core().adopt(std::move(owned));
  }
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
  if (lingering_.any_of([](const Lingering& one) { return one.keeps_loop_running(); })) return true;
  const std::lock_guard lock(posted_mutex_);
  return !posted_.empty() || !posted_before_.empty() || !wakeups_.empty() ||
         !wakeups_before_.empty();
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
    flush(to_flush_first_);
    flush(to_flush_);
    to_destroy_.clear();
  }
  if (alarm_.holds_one()) prepare_foreign_loop();
  tasks_.rethrow_failure();
  return has_work();
}

Duration LoopCore::until_next_event(Duration longest) {
  if (stopped_ || !runnable_.empty() || !to_flush_.empty() || !to_flush_first_.empty() ||
      !until_idle_.empty())
    return Duration::zero();
  if (timers_.empty()) return longest;
  // The clock is read again because the last turn may have taken its time.
  return std::min(longest, std::max(timers_.begin()->first - Loop::Clock::now(), Duration::zero()));
}

// While traffic flows, the loop polls before it sleeps. If a single watch was active last, the loop
// polls that watch itself, which saves epoll's share of a round trip. All others, post() and
// signals included, are polled before the loop sleeps, and every few turns however fast that peer
// answers.
sys::Expected<std::size_t> LoopCore::wait_for_events(Duration longest) {
  constexpr unsigned turns_per_wait = 8;
  const auto ask_epoll = [&](Duration wait) {
    return sys::epoll_wait(epoll_.get(), events_, wait);
  };
  const auto asks_all = [&] { return last_event_of_ == nullptr || several_fds_active(); };
  sys::Expected<std::size_t> count = 0;
  bool all = ++turns_ % turns_per_wait == 0;
  const auto poll = [&] {
    if (!std::exchange(all, false) && !asks_all()) return last_event_of_->try_read_now();
    count = ask_epoll(Duration::zero());
    return !count || *count > 0;
  };
  if (longest == Duration::zero() || !had_events_) return ask_epoll(longest);
  had_events_ = spin_.poll(poll, longest);
  if (had_events_) return count;
  count = ask_epoll(until_next_event(longest));
  spin_.note_woken(count.value_or(0) > 0);
  return count;
}

void LoopCore::dispatch_events(Duration longest) {
  const auto count = wait_for_events(longest);
  now_ = Loop::Clock::now();
  if (!count) {
    // A later turn would fail as well: the kernel is too old, or a sandbox forbids the call.
    error_ = sys::failure(count.error(), "wait for", "events").error();
    stop(1);
  }
  event_count_ = count.value_or(0);
  if (event_count_ == 0) note_idle();
  for (next_event_ = 0; next_event_ < event_count_;) {
    const sys::Event event = events_[next_event_++];
    if (event.data == &alarm_) continue;
    if (event.data == nullptr) {
      answer_wake_up();
    } else if (event.events != 0) {
      auto* watch = static_cast<Watch*>(event.data);
      had_events_ = true;
      if (std::exchange(last_event_of_, watch) != watch) several_active_at_ = now_;
      watch->ready(event.events);
    }
  }
  event_count_ = next_event_ = 0;
}

void LoopCore::forget_watch(const Watch& watch) noexcept {
  if (last_event_of_ == &watch) last_event_of_ = nullptr;
  for (std::size_t i = next_event_; i < event_count_; ++i) {
    if (events_[i].data == &watch) events_[i].data = &alarm_;
  }
}

// An action that throws leaves turn(). The actions after it are not lost: they run in the next
// turn.
void LoopCore::answer_wake_up() {
  sys::clear_eventfd(wake_.get());
  struct Unfinished {
    int eventfd;
    bool finished = false;
    ~Unfinished() {
      if (!finished) sys::raise_eventfd(eventfd);
    }
  } answer{wake_.get()};
  run_wakeups();
  run_posted();
  run_signal_actions();
  answer.finished = true;
}

// Only those triggered by now: one that is triggered again and again must not starve the others.
void LoopCore::run_wakeups() {
  {
    const std::lock_guard lock(posted_mutex_);
    wakeups_.move_to(wakeups_before_);
  }
  const auto next = [this] {
    const std::lock_guard lock(posted_mutex_);
    return wakeups_before_.pop_front();
  };
  while (AsyncWakeup* errand = next()) errand->run();
}

void LoopCore::run_posted() {
  // What is left over from the last turn runs first, if anything, and then what came since.
  for (int rounds = posted_before_.empty() ? 1 : 2; rounds > 0; --rounds) {
    if (posted_before_.empty()) {
      const std::lock_guard lock(posted_mutex_);
      posted_before_.swap(posted_);
      std::ranges::reverse(posted_before_);
    }
    while (!posted_before_.empty()) {
      auto action = std::move(posted_before_.back());
      posted_before_.pop_back();
      action();
    }
  }
}

// By index, because an action may claim another signal. The action is moved out while it runs,
// because it may be replaced.
void LoopCore::run_signal_actions() {
  for (std::size_t i = 0; i < signals_.size(); ++i) {
    if (!signals_[i].caught.take()) continue;
    struct Running {
      std::move_only_function<void()>& place;
      std::move_only_function<void()> action;
      ~Running() {
        if (!place) place = std::move(action);
      }
    } running{signals_[i].action, std::exchange(signals_[i].action, nullptr)};
    running.action();
  }
}

void LoopCore::note_idle() {
  const bool timer_due = !timers_.empty() && timers_.begin()->first <= now_;
  if (timer_due || !runnable_.empty()) return;
  while (Waiter* waiter = until_idle_.pop_front()) schedule(*waiter);
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

void LoopCore::flush(core::LinkedList<Flushable>& marked_now) {
  // Only those scheduled by now: one that is scheduled during the flush waits for the next turn. If
  // one throws, the rest stay scheduled.
  struct Due {
    core::LinkedList<Flushable>& marked;
    core::LinkedList<Flushable> list;
    ~Due() { list.move_to(marked); }
  } due{marked_now, {}};
  marked_now.move_to(due.list);
  while (Flushable* flushable = due.list.pop_front()) flushable->flush_turn();
}

int LoopCore::descriptor() {
  if (!alarm_.holds_one() && !error_) {
    auto alarm = sys::make_timerfd();
    if (!alarm) {
      error_ = sys::failure(alarm.error(), "open", "the loop's timers").error();
    } else {
      alarm_ = std::move(*alarm);
      const auto added = sys::epoll_add(epoll_.get(), alarm_.get(), sys::event_readable, &alarm_);
      if (!added) error_ = sys::failure(added.error(), "watch", "the loop's timers").error();
    }
  }
  note_work();
  return epoll_.get();
}

// A foreign loop sees only our descriptor, so timers and runnable tasks, which would end our own
// wait, have to make that readable.
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
  drain_deadline_ = std::make_unique<DrainDeadline>(*this);
  if (within != forever) drain_deadline_->start(*this, Loop::Clock::now() + within);
  draining_ = true;
  // One by one, because an action may call forget() for others. All of them run, even if one
  // throws.
  std::exception_ptr failure;
  while (!drain_actions_.empty()) {
    auto action = std::move(drain_actions_.front().action);
    drain_actions_.erase(drain_actions_.begin());
    try {
      action();
    } catch (...) {
      if (!failure) failure = std::current_exception();
    }
  }
  if (failure) std::rethrow_exception(failure);
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
  auto caught = sys::SignalHandler::install(signal, wake_.get());
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
