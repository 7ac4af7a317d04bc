// SPDX-License-Identifier: Apache-2.0
//
// The internals of the loop, which connections, listeners and sockets attach to.
#pragma once

#include <array>
#include <chrono>
#include <concepts>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include <hallway/detail/wait_point.hpp>
#include <hallway/detail/waiter.hpp>
#include <hallway/loop.hpp>
#include <hallway/task_handle.hpp>

#include "core/buffer_pools.hpp"
#include "core/linked_list.hpp"
#include "loop/spin.hpp"
#include "loop/task_group.hpp"
#include "sys/event.hpp"
#include "sys/signal.hpp"

namespace hallway::detail {

class LoopCore;

/// Interest in one descriptor. Level-triggered: ready() is called every turn while a requested
/// event is present; hang-up and error count as requested.
class Watch {
 public:
  Watch() noexcept = default;
  Watch(const Watch&) = delete;
  Watch& operator=(const Watch&) = delete;
  virtual ~Watch();

  /// Borrows `descriptor` until stop_watching(), which must come before it is closed.
  Result<void> watch(LoopCore& core, int descriptor, std::uint32_t events);

  /// Changes the requested events. Zero disables all events, hang-up included, without a system
  /// call each turn.
  void set_events(std::uint32_t events);
  [[nodiscard]] std::uint32_t events() const noexcept { return events_; }

  void stop_watching() noexcept;

 private:
  friend class LoopCore;
  virtual void ready(std::uint32_t events) = 0;

  /// Reads without epoll if there is something to read. Called instead of epoll while the loop
  /// expects an answer on the descriptor that was active last.
  /// @return whether there was something to read
  virtual bool try_read_now() { return false; }

  LoopCore* core_ = nullptr;
  int descriptor_ = -1;
  std::uint32_t events_ = 0;
};

/// Fires once at a point in time, unless it is stopped or destroyed before. Only its first start()
/// allocates.
class Timer {
 public:
  Timer() noexcept = default;
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;
  virtual ~Timer() { stop(); }

  void start(LoopCore& core, Loop::Clock::time_point when);
  /// From the current time on, because the turn may have begun long ago. `forever`: it never fires.
  void start_after(LoopCore& core, Duration time);
  void stop() noexcept;
  [[nodiscard]] bool running() const noexcept { return core_ != nullptr; }
  /// Precondition: running().
  [[nodiscard]] Loop::Clock::time_point when() const noexcept { return position_->first; }

 private:
  friend class LoopCore;
  using Queue = std::multimap<Loop::Clock::time_point, Timer*>;
  virtual void fire() = 0;

  LoopCore* core_ = nullptr;
  Queue::iterator position_;  // while it runs
  Queue::node_type node_;     // kept for the next start, while it does not
};

/// A timer that calls a function.
template <std::invocable Action = std::move_only_function<void()>>
class CallbackTimer final : public Timer {
 public:
  explicit CallbackTimer(Action action) : action_(std::move(action)) {}

 private:
  void fire() override { action_(); }

  Action action_;
};

template <std::invocable Action>
std::unique_ptr<Timer> make_timer(Action action) {
  return std::make_unique<CallbackTimer<Action>>(std::move(action));
}

/// An object with outbound bytes, flushed once at the end of the turn in which it was scheduled.
class Flushable : public core::Linked<Flushable> {
 public:
  Flushable() noexcept = default;
  Flushable(const Flushable&) = delete;
  Flushable& operator=(const Flushable&) = delete;
  virtual ~Flushable() = default;

 private:
  friend class LoopCore;
  virtual void flush_turn() = 0;
};

/// An object that no longer has an owner but is not done yet: a connection with bytes to deliver, a
/// child to be reaped. The loop deletes it on destroy_later(), or when the loop itself ends.
class Lingering : public core::Linked<Lingering> {
 public:
  Lingering() noexcept = default;
  Lingering(const Lingering&) = delete;
  Lingering& operator=(const Lingering&) = delete;
  virtual ~Lingering() = default;
  /// Whether run() waits for it.
  [[nodiscard]] virtual bool keeps_loop_running() const noexcept { return true; }
  /// Called when its own loop no longer runs, to continue on another loop and that loop's thread.
  /// @return false if it cannot; it is then deleted
  [[nodiscard]] virtual bool move_to(Loop& loop) noexcept = 0;
};

/// Owns its elements.
class LingeringList : public core::LinkedList<Lingering> {
 public:
  LingeringList() noexcept = default;
  LingeringList(const LingeringList&) = delete;
  LingeringList& operator=(const LingeringList&) = delete;
  ~LingeringList() { clear(); }
  void clear() noexcept {
    while (const Lingering* one = pop_front()) delete one;
  }
};

/// Work on a loop that any thread may trigger. Triggering does not allocate, so it cannot fail.
/// Work that is triggered again before it has run runs once.
class AsyncWakeup : public core::Linked<AsyncWakeup> {
 public:
  /// The loop outlives it.
  explicit AsyncWakeup(LoopCore& core) noexcept : core_(core) {}
  AsyncWakeup(const AsyncWakeup&) = delete;
  AsyncWakeup& operator=(const AsyncWakeup&) = delete;
  /// On the loop's thread, or after that has ended. Work that was triggered but has not run is
  /// dropped.
  virtual ~AsyncWakeup();

  /// Thread: any.
  void trigger() noexcept;

 private:
  friend class LoopCore;
  virtual void run() = 0;

  LoopCore& core_;
};

/// Called once, when draining begins, unless it is destroyed before.
struct DrainAction : core::Linked<DrainAction> {
  explicit DrainAction(std::move_only_function<void()> action) noexcept : run(std::move(action)) {}

  std::move_only_function<void()> run;
};

/// A wait that ends when the loop begins to drain. It leaves the list when it is destroyed.
class EndsWithDrain : public core::Linked<EndsWithDrain> {
 public:
  EndsWithDrain() noexcept = default;
  EndsWithDrain(const EndsWithDrain&) = delete;
  EndsWithDrain& operator=(const EndsWithDrain&) = delete;
  virtual ~EndsWithDrain() = default;

 private:
  friend class LoopCore;
  virtual void drain_begins() = 0;
};

/// While one exists, run() does not return.
class WorkGuard {
 public:
  /// The loop outlives it.
  explicit WorkGuard(LoopCore& core) noexcept;
  WorkGuard(const WorkGuard&) = delete;
  WorkGuard& operator=(const WorkGuard&) = delete;
  ~WorkGuard();

 private:
  LoopCore& core_;
};

class LoopCore {
 public:
  explicit LoopCore(LoopOptions options);
  ~LoopCore();
  LoopCore(const LoopCore&) = delete;
  LoopCore& operator=(const LoopCore&) = delete;

  [[nodiscard]] const std::optional<Error>& error() const noexcept { return error_; }
  [[nodiscard]] const LoopOptions& options() const noexcept { return options_; }
  [[nodiscard]] Loop::Clock::time_point now() const noexcept { return now_; }
  /// Whether more than one descriptor had events lately. Code with much to do then does it in
  /// smaller pieces.
  [[nodiscard]] bool several_fds_active() const noexcept {
    return now_ - several_active_at_ < several_active_time;
  }
  [[nodiscard]] core::BufferPools& buffers() noexcept { return buffers_; }
  [[nodiscard]] TaskGroup& tasks() noexcept { return tasks_; }
  /// The exception of a scope's task that nobody joined. What ran the task that ended with the
  /// scope takes it at once.
  void keep_unjoined_failure(std::exception_ptr failure) noexcept {
    if (!unjoined_failure_) unjoined_failure_ = std::move(failure);
  }
  [[nodiscard]] std::exception_ptr take_unjoined_failure() noexcept {
    return std::exchange(unjoined_failure_, nullptr);
  }
  void add_group(TaskGroup& group) noexcept { groups_.push_back(group); }

  /// The loop that is in turn() on this thread; null outside of one.
  [[nodiscard]] static LoopCore* current() noexcept { return current_; }
  /// Whether `point` belongs to the coroutine that the loop of this thread has resumed, or that has
  /// continued in its place. It has not been suspended since.
  [[nodiscard]] static bool is_resumed(const WaitPoint& point) noexcept;

  // For awaitables, connections and servers ----------------------------------------------------

  /// Resumes `waiter` later in this turn, or in the next.
  void schedule(Waiter& waiter) {
    check_thread();
    runnable_.push_back(waiter);
    note_work();
  }

  /// Waiters in this list are scheduled as soon as a turn finds no event, no due timer and no task
  /// to resume. A waiter here must bound its wait by other means: while there is always something
  /// to do, none is scheduled.
  [[nodiscard]] WaiterList& until_idle() noexcept { return until_idle_; }

  /// Calls wait.drain_begins() once, when draining begins (at once if it has begun), unless it is
  /// destroyed before.
  void end_with_drain(EndsWithDrain& wait) {
    if (draining_) return wait.drain_begins();
    waits_to_end_.push_back(wait);
  }

  void schedule_flush(Flushable& flushable);
  /// The same, but before all those scheduled with schedule_flush(). Those that it schedules itself
  /// are flushed in the same turn.
  void schedule_flush_first(Flushable& flushable);
  static void cancel_flush(Flushable& flushable) noexcept { flushable.unlink(); }

  void adopt(std::unique_ptr<Lingering> lingering) noexcept;
  /// Deletes it, after the turn if one is running.
  void destroy_later(Lingering& lingering) noexcept;
  /// Moves the lingering objects to the loop `target`. Called on that loop's thread.
  void migrate_to(Loop& target) noexcept;

  // For Loop -----------------------------------------------------------------------------------

  int run();
  bool turn(Duration longest);
  bool turn_if_soon();
  bool flush();
  int descriptor();
  void expect_turn() noexcept;
  void stop(int status) noexcept;
  /// Whether stop() was called since this was asked or run() returned.
  [[nodiscard]] bool take_stop() noexcept { return std::exchange(stopped_, false); }
  void drain(Duration within);
  [[nodiscard]] bool draining() const noexcept { return draining_; }
  /// @return the action, which is called as long as the caller keeps it
  [[nodiscard]] Result<std::shared_ptr<std::move_only_function<void()>>> on_signal(
      int signal, std::move_only_function<void()> action);
  /// As on_signal(), for an action that belongs to the loop.
  Result<void> always_on_signal(int signal, std::move_only_function<void()> action);
  /// @return null if draining has begun: `action` has been called
  [[nodiscard]] std::unique_ptr<DrainAction> on_drain(std::move_only_function<void()> action);
  void post(std::move_only_function<void()> action);
  [[nodiscard]] std::vector<WaitingTask> waiting_tasks() const;

 private:
  friend class Watch;
  friend class Timer;
  friend class AsyncWakeup;
  friend class WorkGuard;
  friend class TaskGroup;
  friend void note_continued(std::coroutine_handle<> awaiting) noexcept;

  struct SignalAction {
    sys::SignalHandler caught;
    std::weak_ptr<std::move_only_function<void()>> action;
    std::shared_ptr<std::move_only_function<void()>> own;  // the same, if it belongs to the loop
  };

  void check_thread() noexcept;
  /// A turn: `work`, and what ends every turn.
  template <typename Work>
  bool turn_with(Work work);
  [[nodiscard]] bool has_work() { return (tasks_.size() > 0 && !draining_) || has_rare_work(); }
  /// Whether there is work other than tasks while the loop does not drain.
  [[nodiscard]] bool has_rare_work();
  [[nodiscard]] bool has_tasks_to_wait_for() const noexcept;
  void drain_time_is_up();
  [[nodiscard]] Duration until_next_event(Duration longest);
  sys::Expected<std::size_t> wait_for_events(Duration longest);
  sys::Expected<std::size_t> poll_for_events(Duration longest);
  void dispatch(sys::Expected<std::size_t> events);
  void answer_wake_up();
  void run_wakeups();
  void run_posted();
  void run_signal_actions();
  Result<SignalAction*> claim_signal(int signal);
  void note_idle();
  void fire_timers();
  void resume_runnable();
  static void flush(core::LinkedList<Flushable>& scheduled);
  void prepare_foreign_loop();
  /// Work arrived outside a turn, so a foreign loop has to be notified.
  void note_work() {
    if (alarm_.holds_one() && !turning_) prepare_foreign_loop();
  }
  void forget_watch(const Watch& watch) noexcept;

  static constexpr Duration several_active_time = std::chrono::milliseconds(1);

  const LoopOptions options_;
  std::optional<Error> error_;
  Descriptor epoll_;
  Descriptor wake_;   // eventfd: raised by post() and by signal handlers
  Descriptor alarm_;  // timerfd: made when a foreign loop requests descriptor()
  Loop::Clock::time_point alarm_at_ = Loop::Clock::time_point::max();  // when it fires
  Loop::Clock::time_point now_;
  Loop::Clock::time_point several_active_at_;  // when another watch than the last had events
  Watch* last_event_of_ = nullptr;
  bool had_events_ = false;  // since polling found nothing
  bool sleeps_ = false;      // since then, until it is known how that sleep ended
  unsigned turns_ = 0;
  Spin spin_;
  std::thread::id thread_;

  std::array<sys::Event, sys::events_per_wait> events_;
  std::size_t event_count_ = 0;
  std::size_t next_event_ = 0;

  // The lingering objects below use these until they are destroyed.
  core::BufferPools buffers_;
  Timer::Queue timers_;
  WaiterList runnable_;
  WaiterList until_idle_;
  core::LinkedList<Flushable> to_flush_first_;
  core::LinkedList<Flushable> to_flush_;
  LingeringList lingering_;
  LingeringList to_destroy_;
  std::mutex posted_mutex_;  // guards what other threads request
  core::LinkedList<AsyncWakeup> wakeups_;
  core::LinkedList<AsyncWakeup> wakeups_before_;  // to run in this turn
  std::vector<std::move_only_function<void()>> posted_;
  std::vector<std::move_only_function<void()>> posted_before_;  // to run in this turn, last first

  std::deque<SignalAction> signals_;  // a deque, whose elements do not move when it grows
  core::LinkedList<DrainAction> drain_actions_;
  core::LinkedList<EndsWithDrain> waits_to_end_;
  CallbackTimer<> drain_timer_{[this] { drain_time_is_up(); }};
  Duration drain_time_ = {};

  int work_guards_ = 0;
  int status_ = 0;
  bool turning_ = false;
  bool stopped_ = false;
  bool draining_ = false;
  bool notified_ = false;       // a foreign loop: the eventfd is raised, or a turn is expected
  bool turn_expected_ = false;  // the latter

  std::exception_ptr unjoined_failure_;
  const void* resumed_ = nullptr;       // the coroutine that runs, of those that were suspended
  core::LinkedList<TaskGroup> groups_;  // also those of servers and scopes
  TaskGroup tasks_{*this, TaskGroup::Report::tasks};  // last: its coroutines use all of the above

  // NOLINTNEXTLINE(readability-identifier-naming): a private member
  static thread_local LoopCore* current_;
};

}  // namespace hallway::detail
