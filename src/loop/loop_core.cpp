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
#include <cstddef>
#include <cstdio>

#include "core/scoped_value.hpp"

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

void Timer::start_after(LoopCore& core, Duration time) {
  if (time == forever) return stop();
  const auto now = Loop::Clock::now();
  if (time >= Loop::Clock::time_point::max() - now) return stop();
  start(core, now + time);
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

// WorkGuard ------------------------------------------------------------------------------------

WorkGuard::WorkGuard(LoopCore& core) noexcept : core_(core) { ++core_.work_guards_; }
WorkGuard::~WorkGuard() { --core_.work_guards_; }

// LoopCore -------------------------------------------------------------------------------------

thread_local LoopCore* LoopCore::current_ = nullptr;

LoopCore::LoopCore(LoopOptions options)
    : options_(std::move(options)), now_(Loop::Clock::now()), spin_(options_.spin) {
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
  if (unjoined_failure_) std::rethrow_exception(take_unjoined_failure());
  stopped_ = false;
  drain_timer_.stop();
  return std::exchange(status_, 0);
}

bool LoopCore::has_rare_work() {
  if (work_guards_ > 0) return true;
  if (draining_ && has_tasks_to_wait_for()) return true;
  if (lingering_.any_of([](const Lingering& one) { return one.keeps_loop_running(); })) return true;
  const std::lock_guard lock(posted_mutex_);
  return !posted_.empty() || !posted_before_.empty() || !wakeups_.empty() ||
         !wakeups_before_.empty();
}

// While the loop drains, tasks that only wait for time do not keep it.
bool LoopCore::has_tasks_to_wait_for() const noexcept {
  return tasks_.size() > 0 && !(runnable_.empty() && tasks_.idle());
}

void LoopCore::stop(int status) noexcept {
  status_ = status;
  stopped_ = true;
}

bool LoopCore::turn(Duration longest) {
  return turn_with([&] {
    dispatch(wait_for_events(until_next_event(longest)));
    fire_timers();
    resume_runnable();
  });
}

bool LoopCore::turn_if_soon() {
  return turn_with([&] {
    const Duration longest = until_next_event(forever);
    if (longest == Duration::zero()) {
      dispatch(wait_for_events(longest));
    } else if (had_events_) {
      dispatch(poll_for_events(longest));
    }
    fire_timers();
    resume_runnable();
  });
}

// A program that calls it between the steps of its tasks begins each with a new share of the turn.
bool LoopCore::flush() {
  return turn_with([this] { now_ = Loop::Clock::now(); });
}

template <typename Work>
bool LoopCore::turn_with(Work work) {
  check_thread();
  if (std::exchange(turn_expected_, false)) notified_ = false;
  {
    const core::ScopedValue turning(turning_, true);
    const core::ScopedValue current(current_, this);
    work();
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

sys::Expected<std::size_t> LoopCore::wait_for_events(Duration longest) {
  if (longest != Duration::zero() && had_events_) {
    const auto count = poll_for_events(longest);
    if (had_events_) return count;
    longest = until_next_event(longest);
  }
  const auto count = sys::epoll_wait(epoll_.get(), events_, longest);
  if (std::exchange(sleeps_, false)) spin_.note_woken(count.value_or(0) > 0);
  return count;
}

// While traffic flows, the loop polls before it sleeps. If a single watch was active last, the loop
// polls that watch itself, which saves epoll's share of a round trip. All others, post() and
// signals included, are polled before the loop sleeps, and every few turns however fast that peer
// answers.
sys::Expected<std::size_t> LoopCore::poll_for_events(Duration longest) {
  constexpr unsigned turns_per_wait = 8;
  const auto polls_all = [&] { return last_event_of_ == nullptr || several_fds_active(); };
  sys::Expected<std::size_t> count = 0;
  bool all = ++turns_ % turns_per_wait == 0;
  const auto poll = [&] {
    if (!std::exchange(all, false) && !polls_all()) return last_event_of_->try_read_now();
    count = sys::epoll_wait(epoll_.get(), events_, Duration::zero());
    return !count || *count > 0;
  };
  had_events_ = spin_.poll(poll, longest);
  sleeps_ = !had_events_;
  return count;
}

void LoopCore::dispatch(sys::Expected<std::size_t> events) {
  now_ = Loop::Clock::now();
  if (!events) {
    // A later turn would fail as well: the kernel is too old, or a sandbox forbids the call.
    error_ = sys::failure(events.error(), "wait for", "events").error();
    stop(1);
  }
  event_count_ = events.value_or(0);
  if (event_count_ == 0) note_idle();
  for (next_event_ = 0; next_event_ < event_count_;) {
    const sys::Event event = events_[next_event_++];
    if (event.data == &alarm_) {
      sys::stop_timerfd(alarm_.get());
      alarm_at_ = Loop::Clock::time_point::max();
      continue;
    }
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
  notified_ = false;
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
  while (AsyncWakeup* wakeup = next()) wakeup->run();
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

// By index, because an action may claim another signal. An action is kept while it runs, because it
// may remove or replace itself.
void LoopCore::run_signal_actions() {
  for (std::size_t i = 0; i < signals_.size(); ++i) {
    if (!signals_[i].caught.take()) continue;
    if (const auto action = signals_[i].action.lock()) (*action)();
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
  if (runnable_.empty()) return;
  const core::ScopedValue resumed(resumed_, static_cast<const void*>(nullptr));
  WaiterList due;
  runnable_.move_to(due);
  while (Waiter* waiter = due.pop_front()) {
    resumed_ = waiter->coroutine.address();
    waiter->coroutine.resume();
    // A scope has ended in a task that goes on.
    if (unjoined_failure_) [[unlikely]]
      tasks_.keep_failure(take_unjoined_failure());
  }
}

void note_continued(std::coroutine_handle<> awaiting) noexcept {
  LoopCore* core = LoopCore::current();
  if (core != nullptr && core->resumed_ != nullptr) core->resumed_ = awaiting.address();
}

// A promise lies behind the two pointers that every coroutine's frame begins with (the ABI of GCC
// and Clang), and a wait point at the beginning of its promise.
bool LoopCore::is_resumed(const WaitPoint& point) noexcept {
  constexpr std::size_t frame_head = 2 * sizeof(void*);
  return current_ != nullptr && current_->resumed_ != nullptr &&
         static_cast<const char*>(current_->resumed_) + frame_head ==
             reinterpret_cast<const char*>(&point);
}

void LoopCore::flush(core::LinkedList<Flushable>& scheduled_now) {
  if (scheduled_now.empty()) return;
  // Only those scheduled by now: one that is scheduled during the flush waits for the next turn. If
  // one throws, the rest stay scheduled.
  struct Due {
    core::LinkedList<Flushable>& scheduled;
    core::LinkedList<Flushable> list;
    ~Due() { list.move_to(scheduled); }
  } due{scheduled_now, {}};
  scheduled_now.move_to(due.list);
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

void LoopCore::expect_turn() noexcept {
  if (!std::exchange(notified_, true)) turn_expected_ = true;
}

// A foreign loop sees only our descriptor, so timers and runnable tasks, which would end our own
// wait, have to make that readable. Setting a timer costs the kernel several times what an eventfd
// does. So runnable tasks use the eventfd, and a timer that is set for an earlier time than needed
// stays as it is: it causes one turn in vain.
void LoopCore::prepare_foreign_loop() {
  if (turn_expected_) return;
  const Duration wait = until_next_event(forever);
  if (wait == forever) return;
  if (wait == Duration::zero()) {
    if (!std::exchange(notified_, true)) sys::raise_eventfd(wake_.get());
    return;
  }
  const Loop::Clock::time_point when = timers_.begin()->first;
  if (alarm_at_ <= when) return;
  alarm_at_ = when;
  sys::set_timerfd(alarm_.get(), when);
}

void LoopCore::drain(Duration within) {
  if (draining_) return;
  drain_timer_.start_after(*this, within);
  drain_time_ = within;
  draining_ = true;
  // All of them run, even if one throws. Each is moved out, because an action may destroy any.
  std::exception_ptr failure;
  while (DrainAction* next = drain_actions_.pop_front()) {
    auto action = std::move(next->run);
    try {
      action();
    } catch (...) {
      if (!failure) failure = std::current_exception();
    }
  }
  while (EndsWithDrain* wait = waits_to_end_.pop_front()) wait->drain_begins();
  if (failure) std::rethrow_exception(failure);
}

// What can go on goes on once more: a process that had no processor all the time would name tasks
// that do not wait.
void LoopCore::drain_time_is_up() {
  resume_runnable();
  stop(1);
  const auto waiting = waiting_tasks();
  if (options_.on_drain_cut) return options_.on_drain_cut(waiting);
  for (const WaitingTask& task : waiting) {
    std::fprintf(stderr, "hallway: not ended %g s after draining began: %s\n",
                 std::chrono::duration<double>(drain_time_).count(), task.to_string().c_str());
  }
}

std::vector<WaitingTask> LoopCore::waiting_tasks() const {
  std::vector<WaitingTask> tasks;
  groups_.for_each([&](const TaskGroup& group) { group.list_waiting(tasks); });
  return tasks;
}

std::unique_ptr<DrainAction> LoopCore::on_drain(std::move_only_function<void()> action) {
  if (draining_) {
    action();
    return nullptr;
  }
  auto registered = std::make_unique<DrainAction>(std::move(action));
  drain_actions_.push_back(*registered);
  return registered;
}

Result<LoopCore::SignalAction*> LoopCore::claim_signal(int signal) {
  if (error_) return std::unexpected(*error_);
  for (SignalAction& entry : signals_) {
    if (entry.caught.signal() == signal) return &entry;
  }
  auto caught = sys::SignalHandler::install(signal, wake_.get());
  if (!caught) {
    return sys::failure(caught.error(), "catch", "signal " + std::to_string(signal),
                        caught.error() == EBUSY ? "another loop of this process handles it" : "");
  }
  signals_.push_back({std::move(*caught), {}, {}});
  return &signals_.back();
}

Result<std::shared_ptr<std::move_only_function<void()>>> LoopCore::on_signal(
    int signal, std::move_only_function<void()> action) {
  auto registered = std::make_shared<std::move_only_function<void()>>(std::move(action));
  const auto entry = claim_signal(signal);
  if (!entry) return std::unexpected(entry.error());
  (*entry)->own.reset();
  (*entry)->action = registered;
  return registered;
}

Result<void> LoopCore::always_on_signal(int signal, std::move_only_function<void()> action) {
  auto registered = on_signal(signal, std::move(action));
  if (!registered) return std::unexpected(std::move(registered.error()));
  (*claim_signal(signal))->own = std::move(*registered);
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
