// SPDX-License-Identifier: Apache-2.0
//
// The loop of the C interface, and what the objects on it share: calling functions of the program,
// owning tasks, and pausing one.
#pragma once

#include <algorithm>
#include <coroutine>
#include <cstddef>
#include <functional>
#include <new>
#include <utility>
#include <vector>

#include <hallway.h>
#include <hallway/error.hpp>
#include <hallway/loop.hpp>
#include <hallway/task.hpp>
#include <hallway/task_handle.hpp>

#include "c/handle.hpp"

struct hallway_loop : hallway::c::Handle {
  explicit hallway_loop(const hallway::LoopOptions& options)
      : made(hallway::Loop::create(options)) {}

  [[nodiscard]] hallway::Loop& loop() noexcept { return *made; }

  struct SignalAction {
    int signal;
    hallway::Loop::SignalCallback action;
  };

  std::size_t callbacks = 0;  // functions of the program that run now, inside a task
  std::size_t posted = 0;   // those that run outside of all tasks, and may free what is on the loop
  std::size_t objects = 0;  // what the program has to free before the loop
  bool freed = false;       // callbacks of what was left on it run now
  // A task is being started by a call of the program. Before it calls the program back, it waits
  // for the next turn: `if (loop.starting > 0) co_await loop.loop().sleep(Duration::zero());` Only
  // if there is no memory for that, it calls back at once.
  std::size_t starting = 0;
  hallway::Result<hallway::Loop> made;
  std::vector<SignalAction> on_signal;
  std::vector<hallway::Loop::DrainCallback> on_drain;
};

namespace hallway::c {

/// While a function of the program runs.
class InCallback {
 public:
  explicit InCallback(hallway_loop& loop) noexcept : loop_(loop) { ++loop_.callbacks; }
  InCallback(const InCallback&) = delete;
  InCallback& operator=(const InCallback&) = delete;
  ~InCallback() { --loop_.callbacks; }

 private:
  hallway_loop& loop_;
};

/// Calls a function of the program, if there is one. It lets no exception out, so that none of the
/// program's gets into coroutines of the library.
template <typename Function, typename... Arguments>
void call(hallway_loop& loop, Function function, Arguments... arguments) noexcept {
  if (function == nullptr) return;
  const InCallback calling(loop);
  function(arguments...);
}

/// The same for a function that the loop calls outside of all tasks.
inline void call_posted(hallway_loop& loop, hallway_callback function, void* user) noexcept {
  ++loop.posted;
  function(user);
  --loop.posted;
}

/// As call(), for a function that options have, as long as the loop exists.
template <typename Event>
std::function<void(const Event&)> as_callback(hallway_loop& loop,
                                              std::function<void(const Event&)> function) {
  if (!function) return {};
  return [&loop, function = std::move(function)](const Event& event) {
    const InCallback calling(loop);
    function(event);
  };
}

/// The body of a function that begins something on a loop. Nothing begins on one that is being
/// freed: what its last callbacks begin would have to be ended as well, without end if they begin
/// it again each time.
template <typename Action>
hallway_outcome guarded_on(const hallway_loop& loop, hallway_error** error,
                           Action action) noexcept {
  if (loop.freed) return end(error, HALLWAY_CLOSED);
  return guarded(error, std::move(action));
}

/// Counts what the program has to free before the loop.
class OnLoop {
 public:
  explicit OnLoop(hallway_loop& loop) noexcept : loop_(&loop) { ++loop.objects; }
  OnLoop(const OnLoop&) = delete;
  OnLoop& operator=(const OnLoop&) = delete;
  ~OnLoop() { --loop_->objects; }

  [[nodiscard]] hallway_loop& handle() const noexcept { return *loop_; }
  [[nodiscard]] Loop& loop() const noexcept { return loop_->loop(); }

 private:
  hallway_loop* loop_;
};

/// Starts a task that waits for the next turn first. It ends at once if there is no memory for
/// that.
inline TaskHandle start(hallway_loop& loop, Task<> task) {
  TaskHandle handle = loop.loop().spawn(std::move(task));
  if (handle.done()) throw std::bad_alloc();
  return handle;
}

/// Tasks that end, where they wait, with the object that has this member. Unlike those of a
/// TaskScope, they keep Loop::run() going, and an object without tasks needs no memory for them.
class Tasks {
 public:
  Tasks() noexcept = default;
  Tasks(const Tasks&) = delete;
  Tasks& operator=(const Tasks&) = delete;
  ~Tasks() { cancel(); }

  /// @return whether the task goes on
  bool spawn(hallway_loop& loop, Task<> task) {
    if (tasks_.size() == tasks_.capacity()) {
      std::erase_if(tasks_, [](const TaskHandle& handle) { return handle.done(); });
      tasks_.reserve(2 * tasks_.size() + 1);
    }
    struct Starting {
      explicit Starting(hallway_loop& handle) noexcept : loop(handle) { ++loop.starting; }
      ~Starting() { --loop.starting; }
      hallway_loop& loop;
    };
    const Starting starting(loop);
    TaskHandle handle = loop.loop().spawn(std::move(task));
    if (handle.done()) return false;
    tasks_.push_back(std::move(handle));
    return true;
  }

  void cancel() noexcept {
    // One that ends may look at this object.
    std::vector<TaskHandle> tasks = std::exchange(tasks_, {});
    for (TaskHandle& task : tasks) {
      if (!task.done()) task.cancel();
    }
  }

 private:
  std::vector<TaskHandle> tasks_;
};

/// Where one task waits until the program lets it go on. Draining does not end this wait: the
/// program still has something to do.
class Gate {
 public:
  Gate() noexcept = default;
  Gate(const Gate&) = delete;
  Gate& operator=(const Gate&) = delete;
  ~Gate() { open(); }

  /// `co_await gate.join()` after it waits until open().
  void close(Loop& loop) { parked_ = loop.spawn(park()); }
  [[nodiscard]] auto join() { return parked_.join(); }
  void open() noexcept {
    if (!parked_.done()) parked_.cancel();
  }

 private:
  static Task<> park() { co_await std::suspend_always{}; }

  TaskHandle parked_;
};

/// A function of the program that is called exactly once by a task: with a result, or with
/// HALLWAY_CLOSED when the task is destroyed. If the task could not be started, it is not called.
template <typename Owner>
class Completion {
 public:
  using Function = void (*)(Owner*, hallway_outcome, const hallway_error*, void*);

  Completion(hallway_loop& loop, Owner* owner, Function function, void* user) noexcept
      : loop_(&loop), owner_(owner), function_(function), user_(user) {}
  Completion(Completion&& other) noexcept
      : loop_(other.loop_), owner_(other.owner_), function_(other.function_), user_(other.user_) {}
  Completion(const Completion&) = delete;
  Completion& operator=(const Completion&) = delete;
  ~Completion() {
    if (started_) complete(Ending(HALLWAY_CLOSED));
  }

  /// The task calls this first.
  void start() noexcept { started_ = true; }
  void complete(const Ending& ending) noexcept { complete(owner_, ending); }
  /// Of an owner that did not exist before.
  void complete(Owner* owner, const Ending& ending) noexcept {
    if (std::exchange(started_, false))
      call(*loop_, function_, owner, ending.outcome(), ending.error(), user_);
  }
  /// The call that started the task fails instead.
  void drop() noexcept { started_ = false; }
  [[nodiscard]] hallway_loop& loop() const noexcept { return *loop_; }
  [[nodiscard]] void* user() const noexcept { return user_; }

 private:
  hallway_loop* loop_;
  Owner* owner_;
  Function function_;
  void* user_;
  bool started_ = false;
};

}  // namespace hallway::c
