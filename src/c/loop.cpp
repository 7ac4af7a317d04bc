// SPDX-License-Identifier: Apache-2.0
#include "c/loop.hpp"

#include <algorithm>
#include <memory>
#include <new>
#include <optional>
#include <span>
#include <utility>

#include <hallway.h>

#include "c/handle.hpp"

/// Owned by the task that sleeps, and freed before its function is called.
struct hallway_timer : hallway::c::Handle {
  hallway_timer(hallway_loop& on, hallway_timer_callback function, void* argument)
      : loop(&on), callback(function), user(argument) {}
  ~hallway_timer() {
    // The loop was freed.
    hallway::c::call(*loop, callback, hallway_outcome{HALLWAY_CLOSED}, user);
  }

  hallway_loop* loop;
  hallway_timer_callback callback;  // null: it was called, or cancelled
  void* user;
  hallway::TaskHandle task;
};

using namespace hallway;     // NOLINT(google-build-using-namespace): functions of C are global
using namespace hallway::c;  // NOLINT(google-build-using-namespace)

namespace {

Task<> run_timer(std::unique_ptr<hallway_timer> timer, Duration delay) {
  Outcome outcome = Outcome::ok;
  try {
    outcome = co_await timer->loop->loop().sleep(delay);
  } catch (const std::bad_alloc&) {
    co_return;  // start() sees it
  }
  hallway_loop& loop = *timer->loop;
  const hallway_timer_callback callback = std::exchange(timer->callback, nullptr);
  void* const user = timer->user;
  timer.reset();
  call(loop, callback, to_c(outcome), user);
}

}  // namespace

hallway_outcome hallway_loop_new(int64_t spin, hallway_loop** loop, hallway_error** error) {
  assert(loop != nullptr);
  return guarded(error, [&] {
    LoopOptions options;
    if (spin >= 0) options.spin = duration_of(spin);
    // The status says it. The tasks that it would name are the library's own.
    options.on_drain_cut = [](const std::vector<WaitingTask>&) {};
    auto made = std::make_unique<hallway_loop>(options);
    if (!made->made) return fail(error, made->made.error());
    *loop = made.release();
    return ok;
  });
}

void hallway_loop_free(hallway_loop* loop) {
  if (loop == nullptr) return;
  assert(alive(loop) && "the loop was freed before");
  assert(loop->callbacks + loop->posted == 0 && "hallway_loop_free() in a callback of the loop");
  assert(loop->objects == 0 && "free what is on the loop before the loop");
  loop->freed = true;
  delete loop;
}

hallway_outcome hallway_loop_run(hallway_loop* loop, int* status, hallway_error** error) {
  assert(alive(loop));
  assert(loop->callbacks + loop->posted == 0 && "hallway_loop_run() in a callback of the loop");
  return guarded(error, [&] {
    const int ended = loop->loop().run();
    if (loop->loop().error()) return fail(error, *loop->loop().error());
    if (status != nullptr) *status = ended;
    return ok;
  });
}

hallway_outcome hallway_loop_turn(hallway_loop* loop, int64_t timeout, int* busy,
                                  hallway_error** error) {
  assert(alive(loop));
  assert(loop->callbacks + loop->posted == 0 && "hallway_loop_turn() in a callback of the loop");
  return guarded(error, [&] {
    const bool left = loop->loop().turn(duration_of(timeout));
    if (loop->loop().error()) return fail(error, *loop->loop().error());
    if (busy != nullptr) *busy = left ? 1 : 0;
    return ok;
  });
}

int hallway_loop_descriptor(hallway_loop* loop) {
  assert(alive(loop));
  return loop->loop().descriptor();
}

void hallway_loop_stop(hallway_loop* loop, int status) {
  assert(alive(loop));
  loop->loop().stop(status);
}

hallway_outcome hallway_loop_drain(hallway_loop* loop, int64_t within, hallway_error** error) {
  assert(alive(loop));
  return guarded_on(*loop, error, [&] {
    loop->loop().drain(duration_of(within));
    return ok;
  });
}

int hallway_loop_draining(const hallway_loop* loop) {
  assert(alive(loop));
  return loop->made->draining() ? 1 : 0;
}

hallway_outcome hallway_loop_drain_on(hallway_loop* loop, const int* signals, size_t count,
                                      hallway_error** error) {
  assert(alive(loop) && (signals != nullptr || count == 0));
  return guarded_on(*loop, error, [&] {
    for (const int signal : std::span(signals, count)) {
      const auto claimed = loop->loop().drain_on({signal});
      if (!claimed) return fail(error, claimed.error());
    }
    return ok;
  });
}

// Of any thread.
hallway_outcome hallway_loop_post(hallway_loop* loop, hallway_callback callback, void* user,
                                  hallway_error** error) {
  assert(alive(loop) && callback != nullptr);
  return guarded(error, [&] {
    loop->loop().post([loop, callback, user] { call_posted(*loop, callback, user); });
    return ok;
  });
}

hallway_outcome hallway_loop_on_signal(hallway_loop* loop, int signal, hallway_callback callback,
                                       void* user, hallway_error** error) {
  assert(alive(loop) && callback != nullptr);
  return guarded_on(*loop, error, [&] {
    auto& actions = loop->on_signal;
    actions.reserve(actions.size() + 1);
    auto action = loop->loop().on_signal(
        signal, [loop, callback, user] { call_posted(*loop, callback, user); });
    if (!action) return fail(error, action.error());
    const auto before = std::ranges::find(actions, signal, &hallway_loop::SignalAction::signal);
    if (before != actions.end()) {
      before->action = std::move(*action);
    } else {
      actions.push_back({signal, std::move(*action)});
    }
    return ok;
  });
}

hallway_outcome hallway_loop_on_drain(hallway_loop* loop, hallway_callback callback, void* user,
                                      hallway_error** error) {
  assert(alive(loop) && callback != nullptr);
  return guarded_on(*loop, error, [&] {
    loop->on_drain.reserve(loop->on_drain.size() + 1);
    loop->on_drain.push_back(
        loop->loop().on_drain([loop, callback, user] { call_posted(*loop, callback, user); }));
    return ok;
  });
}

hallway_outcome hallway_loop_after(hallway_loop* loop, int64_t delay,
                                   hallway_timer_callback callback, void* user,
                                   hallway_timer** timer, hallway_error** error) {
  assert(alive(loop) && callback != nullptr);
  return guarded_on(*loop, error, [&] {
    auto made = std::make_unique<hallway_timer>(*loop, nullptr, user);
    hallway_timer* const handle = made.get();
    TaskHandle task = start(*loop, run_timer(std::move(made), duration_of(delay)));
    handle->task = std::move(task);
    handle->callback = callback;
    if (timer != nullptr) *timer = handle;
    return ok;
  });
}

void hallway_timer_cancel(hallway_timer* timer) {
  if (timer == nullptr) return;
  assert(alive(timer) && "the timer was cancelled or its function called before");
  timer->callback = nullptr;
  // The task owns the timer, and with it the handle.
  TaskHandle task = std::move(timer->task);
  task.cancel();
}
