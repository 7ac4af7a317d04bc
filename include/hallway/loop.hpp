// SPDX-License-Identifier: Apache-2.0
// Layer: loop
//
// A loop waits for the descriptors of one thread and resumes the tasks that wait for them.
//
// One pass is a turn: wait for events, resume the tasks they wake, then write everything that was
// sent meanwhile, with one system call per connection. Unless noted otherwise: functions never
// block, belong to the loop's thread (checked in debug builds), and borrow their arguments for the
// call.
#pragma once

#include <chrono>
#include <csignal>
#include <exception>
#include <functional>
#include <initializer_list>
#include <memory>
#include <optional>
#include <source_location>
#include <system_error>
#include <type_traits>
#include <utility>
#include <vector>

#include <hallway/detail/forward.hpp>
#include <hallway/detail/spawnable.hpp>
#include <hallway/detail/wait_point.hpp>
#include <hallway/detail/waiter.hpp>
#include <hallway/error.hpp>
#include <hallway/export.hpp>
#include <hallway/limits.hpp>
#include <hallway/task.hpp>
#include <hallway/task_handle.hpp>

namespace hallway {

struct LoopOptions {
  /// How long to busy-poll before blocking in epoll. Waking a sleeping thread costs many times as
  /// much as delivering a message, so polling cuts latency at the price of up to this much CPU time
  /// after each message; the core is yielded to other processes all the while. Unset: bounds::spin,
  /// or no polling where the machine or the cgroup allows a single core. Zero: never poll.
  ///
  /// For any value, polling stops where it does not help: after 64 waits that the peer did not end
  /// in time, and for a while after another process took the core. It resumes within milliseconds
  /// once both sides are fast enough, because some waits probe for up to bounds::spin_probe.
  std::optional<Duration> spin = {};
  /// Called when the time of a drain is up, with the tasks that have not ended, but for those that
  /// only wait for time or a descriptor. Unset: they are printed on stderr, a line each. It must
  /// not throw.
  std::function<void(const std::vector<WaitingTask>&)> on_drain_cut = {};
};

class HALLWAY_EXPORT Loop {
 public:
  using Clock = std::chrono::steady_clock;

  /// @errors too_many_files_open and similar: the kernel refuses the loop's descriptors
  static Result<Loop> create(LoopOptions options = {});

  /// For short programs, which need not look for an error: if the kernel refuses the loop's
  /// descriptors, whatever is opened on the loop first reports it, and run() returns 1.
  explicit Loop(LoopOptions options = {});
  /// Destroys the tasks that have not ended. What they use outlives the loop: declare it before.
  ~Loop();
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  /// Why this loop cannot work, or has stopped working; empty if it can.
  [[nodiscard]] const std::optional<Error>& error() const noexcept;

  // Running ------------------------------------------------------------------------------------

  /// Turns until no task and no open server is left, or stop() is called.
  /// @return 0 after everything ended or a clean drain, else the status passed to stop(); 1 if the
  ///         drain's time ran out first, or if the loop cannot work (error()).
  /// Blocking: until then.
  int run();

  /// Runs one task to its end and returns its value, or rethrows its exception; other tasks advance
  /// meanwhile. Throws std::system_error if the loop cannot work (error()), or is stopped before
  /// the task ends (operation_canceled): by stop(), a second signal, or the end of a drain's time.
  /// Blocking: until the task ends.
  template <typename T>
  T run(Task<T> task);

  /// One pass, for programs with a loop of their own: call it when descriptor() is readable.
  /// @param timeout  how long to wait for the first event; zero: do not wait
  /// @return whether the loop still has work
  bool turn(Duration timeout = Duration::zero());

  /// Readable when turn() has something to do, timers included, and once at the time of a timer
  /// that was stopped. Borrowed; suitable for poll(2), epoll, or another loop.
  [[nodiscard]] int descriptor();

  /// As turn(), but unless there is something to do it polls for the first event, as long as run()
  /// would before it sleeps (LoopOptions::spin): for tens of microseconds while traffic flows, else
  /// not at all. A program with a loop of its own that has nothing else to do calls it before that
  /// loop sleeps, because waking up takes longer than most answers.
  /// @return whether the loop still has work
  bool turn_if_soon();

  /// The end of a turn alone: writes what was sent since the last one. It looks for no event, which
  /// saves a system call where a program with a loop of its own sends as soon as turn() has
  /// returned.
  /// @return whether the loop still has work
  bool flush();

  /// Announces that the program calls turn() or flush() soon in any case, as a loop that calls it
  /// at the end of an iteration does. Until then, sending and starting tasks do not make
  /// descriptor() readable, which saves two system calls.
  void expect_turn();

  /// Makes run() return `status` after this turn. Tasks stay suspended.
  void stop(int status = 0);

  // Draining -----------------------------------------------------------------------------------

  /// Asks everything on this loop to finish. Servers refuse new clients, answer what has arrived,
  /// and close. What only waits for something to come ends with an outcome that says so
  /// (Outcome::closed): sleeping tasks, receives of datagram sockets, subscriptions, channels and
  /// of connections outside of a server, and tasks that wait for an event. Such a wait that begins
  /// later ends in the next turn. A task that sleeps again afterwards, or waits for readable(),
  /// does not keep run() from returning; it is then destroyed with the loop. What is under way goes
  /// on: sending, request(), flushing, in_thread(), handlers, and receives from a Child.
  ///
  /// run() then returns 0, or 1 once `within` has passed. In that case the tasks that have not
  /// ended are named: see LoopOptions::on_drain_cut.
  void drain(Duration within = ServerLimits{}.drain_time);
  [[nodiscard]] bool draining() const noexcept;

  /// Drains when one of `signals` arrives; a second signal N stops the loop at once, with status
  /// 128 + N. This replaces the signals' dispositions in the whole process until the loop is
  /// destroyed, even those of ignored signals, and unblocks the signals for the loop's thread.
  /// Only one loop at a time may claim a signal.
  /// @errors invalid_argument: the signal cannot be caught; device_or_resource_busy: another loop
  /// of
  ///         this process handles it
  Result<void> drain_on(std::initializer_list<int> signals);

  class SignalCallback;
  /// Calls `action` on this loop whenever `signal` arrives, until the result is destroyed or the
  /// signal gets another action; it then has no effect. The other rules of drain_on() apply.
  [[nodiscard]] Result<SignalCallback> on_signal(int signal,
                                                 std::move_only_function<void()> action);

  class DrainCallback;
  /// Calls `action` once, when draining begins (at once if it has begun), unless the result is
  /// destroyed before.
  [[nodiscard]] DrainCallback on_drain(std::move_only_function<void()> action);

  // Tasks and timers ---------------------------------------------------------------------------

  /// Adopts a task and starts it now. An exception that ends the task leaves turn() or run(),
  /// unless another task waits for it in TaskHandle::join(). A task whose coroutine takes a
  /// Connection& ends where it waits when that connection ends.
  TaskHandle spawn(Task<> task, std::source_location where = std::source_location::current());

  /// A task with a value is awaited, or given to run().
  template <typename T>
    requires(!std::is_void_v<T>)
  TaskHandle spawn(Task<T> task) = delete;

  /// The same for a callable without parameters that makes a Task<>, such as a lambda. It is kept
  /// as long as the task, so that the coroutine may use what the lambda has captured.
  template <MakesTask F>
  TaskHandle spawn(F make, std::source_location where = std::source_location::current()) {
    return spawn(detail::keep_and_run(std::move(make)), where);
  }

  /// Calls `action` on the loop's thread in its next turn. Thread: any. The only such function.
  void post(std::move_only_function<void()> action);

  /// Monotonic time, read once per turn, and by flush().
  [[nodiscard]] Clock::time_point now() const noexcept;

  class Sleep;  ///< await it at once: gives an Outcome
  /// `co_await loop.sleep(10ms)` gives Outcome::ok after that time, or Outcome::closed as soon as
  /// the loop begins to drain. A periodic task looks at that:
  ///
  ///     for (int tick = 1; co_await loop.sleep(1s) == Outcome::ok; ++tick) print(tick);
  ///
  /// A sleep that begins while the loop drains lasts its time and also gives Outcome::closed.
  [[nodiscard]] Sleep sleep(Duration duration);

  class Ready;  ///< await it at once: gives nothing
  /// co_await loop.readable(0) completes when read(2) on a borrowed descriptor would not block. It
  /// completes at once for a descriptor that epoll cannot watch (a file), and after 10 ms if the
  /// kernel has no room to watch it. One waiter per descriptor. Draining does not end it, because
  /// the read that follows would block; but it does not keep a draining loop running either.
  [[nodiscard]] Ready readable(int descriptor);
  [[nodiscard]] Ready writable(int descriptor);

  /// For the library's own layers.
  [[nodiscard]] detail::LoopCore& core() noexcept { return *core_; }
  explicit Loop(std::unique_ptr<detail::LoopCore> core) noexcept;

 private:
  /// Throws std::system_error if run(task) cannot go on.
  void check_running();

  std::unique_ptr<detail::LoopCore> core_;
};

/// An action that a signal calls. Destroying this removes the action; the action itself may do so.
/// The signal stays claimed, and has no effect, until the loop is destroyed. It may outlive the
/// loop.
class [[nodiscard]] HALLWAY_EXPORT Loop::SignalCallback {
 public:
  SignalCallback() noexcept = default;
  SignalCallback(SignalCallback&&) noexcept = default;
  SignalCallback& operator=(SignalCallback&&) noexcept = default;
  ~SignalCallback() = default;

 private:
  friend class Loop;
  explicit SignalCallback(std::shared_ptr<std::move_only_function<void()>> action) noexcept
      : action_(std::move(action)) {}

  std::shared_ptr<std::move_only_function<void()>> action_;  // the loop refers to it weakly
};

/// An action that waits for Loop::drain(). Destroying this removes the action; the action itself
/// may do so. It may outlive the loop.
class [[nodiscard]] HALLWAY_EXPORT Loop::DrainCallback {
 public:
  DrainCallback() noexcept;
  DrainCallback(DrainCallback&&) noexcept;
  DrainCallback& operator=(DrainCallback&&) noexcept;
  ~DrainCallback();

 private:
  friend class Loop;
  explicit DrainCallback(std::unique_ptr<detail::DrainAction> action) noexcept;

  std::unique_ptr<detail::DrainAction> action_;
};

}  // namespace hallway

#include <hallway/detail/loop_awaitables.hpp>
