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
#include <system_error>
#include <type_traits>
#include <utility>

#include <hallway/detail/waiter.hpp>
#include <hallway/error.hpp>
#include <hallway/export.hpp>
#include <hallway/limits.hpp>
#include <hallway/task.hpp>

namespace hallway {

namespace detail {
class LoopCore;
class SleepTimer;
class OneShotWatch;
}  // namespace detail

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
};

class HALLWAY_EXPORT Loop {
 public:
  using Clock = std::chrono::steady_clock;

  /// Never fails. If the kernel refuses the loop's descriptors, error() returns that error, and so
  /// does everything that is opened on the loop.
  explicit Loop(LoopOptions options = {});
  ~Loop();
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  /// Why this loop cannot work; empty if it can.
  [[nodiscard]] const std::optional<Error>& error() const noexcept;

  // Running ------------------------------------------------------------------------------------

  /// Turns until no task and no open server is left, or stop() is called.
  /// @return 0 after everything ended or a clean drain, else the status passed to stop(); 1 if the
  ///         drain's time ran out first, or if the loop cannot work (error()).
  /// Blocking: until then.
  int run();

  /// Runs one task to its end and returns its value, or rethrows its exception; other tasks advance
  /// meanwhile. Throws std::system_error if the loop cannot work (error()).
  /// Blocking: until the task ends. Precondition: stop() is not called meanwhile.
  template <typename T>
  T run(Task<T> task);

  /// One pass, for programs with a loop of their own: call it when descriptor() is readable.
  /// @param longest  how long to wait for the first event; zero: do not wait
  /// @return whether the loop still has work
  bool turn(Duration longest = Duration::zero());

  /// Readable when turn() has something to do, timers included. Borrowed; suitable for poll(2),
  /// epoll, or another loop.
  [[nodiscard]] int descriptor();

  /// Makes run() return `status` after this turn. Tasks stay suspended.
  void stop(int status = 0);

  // Draining -----------------------------------------------------------------------------------

  /// Asks everything on this loop to finish: servers refuse new clients, answer what has
  /// arrived, and close. run() then returns 0, or 1 once `within` has passed.
  void drain(Duration within = ServerLimits{}.drain_time);
  [[nodiscard]] bool draining() const noexcept;

  /// Drains when one of `signals` arrives; a second signal N stops the loop at once, with status
  /// 128 + N. This replaces the signals' dispositions in the whole process until the loop is
  /// destroyed, even those of ignored signals, and unblocks the signals for the loop's thread.
  /// Only one loop at a time may claim a signal.
  Result<void> drain_on(std::initializer_list<int> signals);

  /// Calls `action` on this loop whenever `signal` arrives. The rules of drain_on() apply.
  Result<void> on_signal(int signal, std::move_only_function<void()> action);

  /// Calls `action` once, when draining begins (at once if it has begun). forget(owner) removes it.
  void on_drain(const void* owner, std::move_only_function<void()> action);
  void forget(const void* owner) noexcept;

  // Tasks and timers ---------------------------------------------------------------------------

  /// Adopts a task and starts it now. An exception that ends the task leaves turn() or run().
  void spawn(Task<> task);

  /// Calls `action` on the loop's thread in its next turn. Thread: any. The only such function.
  void post(std::move_only_function<void()> action);

  /// Monotonic time, read once per turn.
  [[nodiscard]] Clock::time_point now() const noexcept;

  class Sleep;
  /// co_await loop.sleep(10ms);
  [[nodiscard]] Sleep sleep(Duration duration);

  class Ready;
  /// co_await loop.readable(0) completes when read(2) on a borrowed descriptor would not block. It
  /// completes at once for a descriptor that epoll cannot watch (a file), and after 10 ms if the
  /// kernel has no room to watch it. One waiter per descriptor.
  [[nodiscard]] Ready readable(int descriptor);
  [[nodiscard]] Ready writable(int descriptor);

  /// For the library's own layers.
  [[nodiscard]] detail::LoopCore& core() noexcept { return *core_; }

 private:
  std::unique_ptr<detail::LoopCore> core_;
};

class [[nodiscard]] HALLWAY_EXPORT Loop::Sleep {
 public:
  Sleep(detail::LoopCore& core, Duration duration) noexcept;
  ~Sleep();
  Sleep(const Sleep&) = delete;
  Sleep& operator=(const Sleep&) = delete;

  [[nodiscard]] bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> awaiting);
  void await_resume() const noexcept {}

 private:
  detail::LoopCore* core_;
  Duration duration_;
  detail::Waiter waiter_;
  std::unique_ptr<detail::SleepTimer> timer_;
};

class [[nodiscard]] HALLWAY_EXPORT Loop::Ready {
 public:
  Ready(detail::LoopCore& core, int descriptor, unsigned events) noexcept;
  ~Ready();
  Ready(const Ready&) = delete;
  Ready& operator=(const Ready&) = delete;

  [[nodiscard]] bool await_ready() const noexcept { return false; }
  bool await_suspend(std::coroutine_handle<> awaiting);
  void await_resume() const noexcept {}

 private:
  detail::LoopCore* core_;
  int descriptor_;
  unsigned events_;
  detail::Waiter waiter_;
  std::unique_ptr<detail::OneShotWatch> watch_;
};

namespace detail {

/// The result of a task passed to Loop::run(). Shared with its coroutine, because another task's
/// exception may end run() before that coroutine ends.
template <typename T>
struct RunResult {
  bool done = false;
  std::exception_ptr exception;
  std::conditional_t<std::is_void_v<T>, bool, std::optional<T>> value{};
};

template <typename T>
Task<> run_into(Task<T> task, std::shared_ptr<RunResult<T>> result) {
  try {
    if constexpr (std::is_void_v<T>) {
      co_await std::move(task);
    } else {
      result->value.emplace(co_await std::move(task));
    }
  } catch (...) {
    result->exception = std::current_exception();
  }
  result->done = true;
}

}  // namespace detail

template <typename T>
T Loop::run(Task<T> task) {
  const auto result = std::make_shared<detail::RunResult<T>>();
  spawn(detail::run_into(std::move(task), result));
  while (!result->done) {
    if (error()) throw std::system_error(error()->code, error()->explain());
    turn(forever);
  }
  if (result->exception) std::rethrow_exception(result->exception);
  if constexpr (!std::is_void_v<T>) return std::move(*result->value);
}

}  // namespace hallway
