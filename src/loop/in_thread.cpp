// SPDX-License-Identifier: Apache-2.0
#include <hallway/in_thread.hpp>

#include <mutex>

#include "loop/loop_core.hpp"
#include "loop/misuse.hpp"
#include "loop/thread_pool.hpp"
#include "loop/timed_wait.hpp"

namespace hallway::detail {

namespace {

/// Wakes the task that waits for the work. The task and the thread share it, because either may end
/// first.
class Completion {
 public:
  void wake() {
    const std::lock_guard lock(mutex_);
    done_ = true;
    if (wakeup_ != nullptr) wakeup_->trigger();
  }

  [[nodiscard]] bool done() {
    const std::lock_guard lock(mutex_);
    return done_;
  }

  /// Null: the task is gone.
  void set_wakeup(AsyncWakeup* wakeup) {
    const std::lock_guard lock(mutex_);
    wakeup_ = wakeup;
  }

 private:
  std::mutex mutex_;  // guards what follows
  AsyncWakeup* wakeup_ = nullptr;
  bool done_ = false;
};

class Wakeup final : public AsyncWakeup {
 public:
  Wakeup(LoopCore& core, Completion& completion)
      : AsyncWakeup(core), core_(core), completion_(completion) {
    completion_.set_wakeup(this);
  }
  Wakeup(const Wakeup&) = delete;
  Wakeup& operator=(const Wakeup&) = delete;
  ~Wakeup() override { completion_.set_wakeup(nullptr); }

  WaiterList waiting;

 private:
  void run() override { wake_all(core_, waiting); }

  LoopCore& core_;
  Completion& completion_;
};

}  // namespace

Task<> run_in_thread(std::move_only_function<void()> work) {
  LoopCore* core = LoopCore::current();
  if (core == nullptr) end_for_misuse({}, "in_thread() was awaited outside of a loop");
  const auto completion = std::make_shared<Completion>();
  Wakeup wakeup(*core, *completion);
  auto run = [work = std::move(work), completion]() mutable {
    work();
    work = nullptr;  // what it owns is free before the task continues
    completion->wake();
  };
  ThreadPool::instance().run(std::move(run));
  while (!completion->done()) co_await TimedWait(*core, wakeup.waiting);
}

}  // namespace hallway::detail
