// SPDX-License-Identifier: Apache-2.0
//
// A coroutine that runs beside a task and must not outlive it, such as a timeout or the feeding of
// a pipe.
#pragma once

#include <coroutine>
#include <exception>
#include <memory>
#include <utility>

#include <hallway/loop.hpp>

namespace hallway::tool {

/// A coroutine that starts at once. Destroying this object destroys it, wherever it waits. In
/// contrast, a Task is awaited or passed to the loop. An exception terminates the process, because
/// it has no receiver: a coroutine that collects data from a peer catches std::bad_alloc itself.
class [[nodiscard]] ScopedTask {
 public:
  struct promise_type {
    ScopedTask get_return_object() noexcept {
      return ScopedTask(std::coroutine_handle<promise_type>::from_promise(*this));
    }
    std::suspend_never initial_suspend() noexcept { return {}; }
    std::suspend_always final_suspend() noexcept { return {}; }
    void return_void() noexcept {}
    void unhandled_exception() noexcept { std::terminate(); }
  };

  ScopedTask(ScopedTask&& other) noexcept : coroutine_(std::exchange(other.coroutine_, nullptr)) {}
  ScopedTask& operator=(ScopedTask&& other) noexcept {
    std::swap(coroutine_, other.coroutine_);
    return *this;
  }
  ScopedTask(const ScopedTask&) = delete;
  ScopedTask& operator=(const ScopedTask&) = delete;
  ~ScopedTask() {
    if (coroutine_) coroutine_.destroy();
  }

  [[nodiscard]] bool ended() const noexcept { return coroutine_.done(); }

 private:
  explicit ScopedTask(std::coroutine_handle<promise_type> coroutine) noexcept
      : coroutine_(coroutine) {}

  std::coroutine_handle<promise_type> coroutine_;
};

/// A one-shot event that one coroutine awaits. The coroutine continues in the loop's next turn, not
/// inside happen(), because it may destroy the caller of happen().
class Event {
 public:
  explicit Event(Loop& loop) : loop_(&loop), state_(std::make_shared<State>()) {}
  Event(const Event&) = delete;
  Event& operator=(const Event&) = delete;
  ~Event() { state_->waiting = nullptr; }

  void happen() {
    if (std::exchange(state_->happened, true)) return;
    loop_->post([state = state_] {
      if (auto waiting = std::exchange(state->waiting, nullptr)) waiting.resume();
    });
  }
  [[nodiscard]] bool happened() const noexcept { return state_->happened; }

  bool await_ready() const noexcept { return state_->happened; }
  void await_suspend(std::coroutine_handle<> waiting) noexcept { state_->waiting = waiting; }
  void await_resume() const noexcept {}

 private:
  struct State {
    std::coroutine_handle<> waiting;
    bool happened = false;
  };

  Loop* loop_;
  std::shared_ptr<State> state_;
};

}  // namespace hallway::tool
